#!/usr/bin/perl
# Every variable that a shipped file documents is one that is read, and every one that is read is
# documented in its file.
use strict;
use warnings;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Courier::Test;

my $source = $ENV{COURIER_TEST_SOURCE} || "$FindBin::Bin/../..";
my $t = Courier::Test->new;

# The ssl and msa files go with their service's: what one documents the other may set.
sub family {
	my ($file) = @_;
	$file =~ s/-(?:ssl|msa)\z//;
	$file =~ s/\.dist\z//;
	return $file;
}

# "# component, file FILE" and then "SETTING: value" lines.  A lower case name is a file of its own.
my (%read, %own, $file);
my $shown = $t->command('courier', '-C', $t->path(''), 'config');
is($?, 0, 'courier config shows the settings');
for my $line (split /\n/, $shown) {
	if ($line =~ /^# [^,\s]+(?:, file (\S+))?/) {
		$file = $1;
	} elsif ($line =~ /^([a-z]\w*):/) {
		$own{$1} = 1;
	} elsif (defined $file && $line =~ /^([A-Z]\w*):/) {
		$read{family($file)}{$1} = $file;
	}
}
cmp_ok(scalar keys %read, '>', 5, 'of many files');

my %documented;
for my $path (glob "$source/etc/*") {
	my ($name) = $path =~ m,([^/]+)\z,;
	next if !-f $path || !$read{family($name)};
	open my $fh, '<', $path or die "$path: $!";
	my $words = '';
	while (<$fh>) {
		# set, or shown as an example that is commented out
		$documented{family($name)}{$1} = $name if /^(?:#\s?)?([A-Z]\w*)=(?!value|\s\S)/ && !/^# ?AUTHSERVICE/;
		# what is known for the sake of old files has no example
		if (/^##NAME: (.*)/) {
			$documented{family($name)}{$_} = $name for grep {$read{family($name)}{$_}} split ' ', $1;
		}
		$words .= $_ if /^#/;
	}
	close $fh;
	cmp_ok(length $words, '>', 60, "etc/$name explains itself");
}
for my $name (sort keys %read) {
	# what all module files have, and no module's own settings table
	my %shared = map {$_ => 1} $name =~ /^module\./ ? qw(NAME PRIORITY PROG USER CLAIM ASK REWRITE MAXDELS MAXHOST MAXRCPT) : ();
	my @unknown = grep {!$read{$name}{$_} && !$shared{$_}} sort keys %{$documented{$name}};
	my @silent = grep {!$documented{$name}{$_}} sort keys %{$read{$name}};
	is("@unknown", '', "etc/$name* documents nothing that is not read");
	is("@silent", '', "etc/$name* documents all that is read");
}

# files of their own: in a manual page, or in the settings file of who reads them
my $papers = '';
for my $path (glob("$source/man/*.[158]"), glob("$source/etc/*")) {
	next if !-f $path;
	open my $fh, '<', $path or die "$path: $!";
	local $/;
	$papers .= <$fh>;
}
for my $name (sort keys %own) {
	ok($papers =~ /(?<!\w)\Q$name\E(?!\w)/, "the file $name is documented");
}

done_testing;
