#!/usr/bin/perl
# MTA-3007: every installed program has its manual page, which names every option of the program; the pages are
# well formed.
use strict;
use warnings;
use Test::More;
use FindBin;

my $source = $ENV{COURIER_TEST_SOURCE} || "$FindBin::Bin/../..";
my $prefix = $ENV{COURIER_TEST_PREFIX} or BAIL_OUT('COURIER_TEST_PREFIX is not set: run the tests with ./runtests');

sub slurp {
	my ($path) = @_;
	open my $fh, '<', $path or die "$path: $!";
	local $/;
	return scalar <$fh>;
}

# The page's text; one that only points to another is followed.
sub page {
	my ($path) = @_;
	my $text = slurp($path);
	return page("$source/man/$1") if $text =~ m,\A\.so man\d/(\S+),;
	return $text;
}

# What getopt is told in the main file of a program, from the room's make file.
my %main;
for my $mk (glob("$source/*/local.mk"), glob("$source/*/*.mk"), glob("$source/*/*/local.mk")) {
	my $text = slurp($mk);
	$text =~ s/\\\n//g;
	while ($text =~ /^(\w+)_SOURCES = (.*)$/mg) {
		my ($name, @files) = ($1, grep {/\.c\z/} split ' ', $2);
		$main{$name} ||= \@files;
	}
}

sub options {
	my ($program, $file) = @_;
	my %found;
	my $binary = slurp($file);
	while ($binary =~ /usage: ([^\0]*)/g) {
		my $usage = $1;
		$found{$1} = 1 while $usage =~ /(?<![\w-])(--?[A-Za-z][\w-]*)/g;
	}
	(my $id = $program) =~ tr/-/_/;
	my ($key) = grep {/(?:^|_)\Q$id\E\z/ && !/^tests_/} sort keys %main;
	for my $c ($key ? @{$main{$key}} : ()) {
		my $text = slurp("$source/$c");
		next if $text !~ /\bgetopt(?:_long)?\(argc, argv, "([^"]*)"/;
		$found{"-$_"} = 1 for $1 =~ /[A-Za-z]/g;
		$found{"--$1"} = 1 while $text =~ /^\s*\{"([a-z][a-z-]+)", (?:no|required)_argument/mg;
	}
	return sort keys %found;
}

my $programs = 0;
for my $folder (qw(bin sbin libexec/courier)) {
	for my $file (sort glob "$prefix/$folder/*") {
		my ($name) = $file =~ m,([^/]+)\z,;
		next if !-f $file || !-x $file;
		$programs++;
		my ($path) = glob "$source/man/$name.[158]";
		if (!$path) {
			fail("$folder/$name has a manual page");
			next;
		}
		my $page = page($path);
		$page =~ s/Fl Fl /Fl -/g;
		# "Fl a | b" is both
		my @missing = grep {my $o = substr $_, 1; $page !~ /\bFl [^\n]*?(?<![\w-])\Q$o\E(?![\w-])/} options($name, $file);
		is("@missing", '', "the page of $folder/$name has its options");
	}
}
cmp_ok($programs, '>', 30, 'the programs are installed');

for my $path (sort glob "$source/man/*.[158]") {
	my ($name) = $path =~ m,([^/]+)\z,;
	my $text = slurp($path);
	if ($text =~ m,\A\.so man(\d)/(\S+)\.\d\n\z,) {
		ok(-e "$source/man/$2.$1", "$name points to a page");
		next;
	}
	# a page of another system, and in this folder section folders are missing: both no fault
	my @complaints = grep {!/referenced manual not found/} split /\n/, `mandoc -Tlint -Wwarning $path 2>&1`;
	is(join("\n", @complaints), '', "$name is well formed");
	my ($title, $section) = $name =~ /\A(.+)\.(\d)\z/;
	ok($text =~ /^\.Dt \Q${\uc $title}\E $section\b/m, "$name says what it is");
	ok($text =~ /^\.Sh NAME\n\.Nm /m, "$name has a name");
}

done_testing;
