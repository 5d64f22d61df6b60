#!/usr/bin/perl
# The delivery language: every case of tests/filter/*.cases, and the same filters under another
# maildrop where one is installed (COURIER_TEST_OTHER_MAILDROP, or /usr/bin/maildrop).
#
# A case is a line "## IDS title [key=value ...]", a filter, a line "--", what it prints.  Keys:
# rc=N the exit status (0), msg=NAME the message (plain), err=TEXT is in what it says on standard
# error (blanks as "_"), file=NAME what is in that file counts instead of the output, other=no the
# other maildrop is known to differ here.

use strict;
use warnings;
use Cwd qw(getcwd);
use File::Temp qw(tempdir);
use Test::More;

my $bin = ($ENV{COURIER_TEST_PREFIX} || BAIL_OUT('COURIER_TEST_PREFIX is not set')) . '/bin/maildrop';
my $other = $ENV{COURIER_TEST_OTHER_MAILDROP} || '/usr/bin/maildrop';
$other = undef unless -x $other && $other ne $bin;
(my $here = __FILE__) =~ s,/[^/]+$,,;
$here = getcwd() . "/$here" unless $here =~ m,^/,;

my %message = (
	plain => "From: Joe <joe\@example.com>\nTo: a\@b.c, \"X Y\" <q\@r.s>\nSubject: hello\n  world\n"
	    . "Message-ID: <1\@x>\n\nbody line\nFrom here\n",
	bare => "Subject: no end\n\nlast line has no end",
	empty => '',
	nul => "Subject: nul\n\na\0b\n",
	path => "Return-Path: <env\@sender>\nFrom: a\@b\n\nx\n",
	mime => "From: =?iso-8859-1?Q?J=F6e?= <joe\@example.com>\nSubject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\n"
	    . "Mime-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\npre\n--b\n"
	    . "Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\n"
	    . "Gr=FC=DFe long=\n line\n--b\nContent-Type: application/octet-stream\nX-Part: yes\n\n"
	    . "binary\n--b--\n",
	parts => "Mime-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n"
	    . "--b\nContent-Type: text/plain\n\nword\n" x 2000 . "--b--\n",
	deep => "Mime-Version: 1.0\n"
	    . join('', map { "Content-Type: multipart/mixed; boundary=b$_\n\n--b$_\n" } 1 .. 3000) . "\nend\n",
	crlf => "Subject: crlf\r\n\r\nline\r\n",
);

sub spew { my ($file, $text) = @_; open my $fh, '>', $file or die "$file: $!"; print $fh $text; close $fh }
sub slurp { my ($file) = @_; local $/; open my $fh, '<', $file or return ''; return scalar <$fh> // '' }

sub run_filter {
	my ($program, $case) = @_;
	my $dir = tempdir(CLEANUP => 1);
	my $back = getcwd();
	chdir $dir or die;
	spew('f', $case->{filter});
	spew('message', $message{$case->{msg} || 'plain'});
	spew('patterns', "# comment\n\n   ^joe\@\nfriend\@public\n");
	spew('inc', "INCLUDED=yes\nif (\$STOP)\n{\n exit\n}\n");
	spew('bad', "if (\n");
	mkdir $_ for 'md', map {"md/$_"} qw(tmp new cur);
	chmod 0600, 'f';
	local $ENV{OUTER} = 'from outside';
	(local $ENV{TOOLS} = $bin) =~ s,/[^/]+$,,;
	my $status = system("timeout 120 $program $case->{opts} f arg1 arg2 <message >out 2>err");
	my %r = (rc => $status >> 8, out => slurp($case->{file} ? $case->{file} : 'out'), err => slurp('err'));
	chdir $back;
	return \%r;
}

sub cases {
	my ($file) = @_;
	my (@cases, $part);
	open my $fh, '<', $file or die "$file: $!";
	while (<$fh>) {
		if (/^## (\S+) (.*)/) {
			my %c = (ids => $1, title => $2, filter => '', want => '', rc => 0, opts => '');
			$c{$1} = $2 while $c{title} =~ s/\s+(rc|msg|err|file|other|opts)=(\S+)//;
			s/_/ /g for grep {defined} @c{qw(err opts)};
			push @cases, \%c;
			$part = 'filter';
		} elsif (/^--$/) {
			$part = 'want';
		} elsif (@cases) {
			$cases[-1]{$part} .= $_;
		}
	}
	return @cases;
}

# tests/filter/terms.tsv, many small ones
sub terms {
	my ($file) = @_;
	my (@cases, %plain);
	%plain = (n => "\n", t => "\t", '\\' => '\\');
	open my $fh, '<', $file or die "$file: $!";
	while (<$fh>) {
		next if /^#/;
		chomp;
		my ($ids, $filter, $rc, $want, $other) = split /\t/;
		s/\\(.)/$plain{$1}/g for $filter, my $text = $want // '';
		(my $title = $filter) =~ s/\n/; /g;
		push @cases, {ids => $ids, title => "line $.: $title", filter => $filter, want => $text, rc => $rc, opts => '',
			$other ? (other => 'no') : ()};
	}
	return @cases;
}

for my $file (sort glob("$here/../filter/*.cases"), "$here/../filter/terms.tsv") {
	for my $c ($file =~ /tsv$/ ? terms($file) : cases($file)) {
		my $r = run_filter($bin, $c);
		my $good = $r->{rc} == $c->{rc} && $r->{out} eq $c->{want}
		    && (!defined $c->{err} || index($r->{err}, $c->{err}) >= 0);
		ok($good, "$c->{ids} $c->{title}")
		    or diag("exit $r->{rc}, want $c->{rc}\ngot:\n$r->{out}want:\n$c->{want}stderr: $r->{err}");
		next if !$other || ($c->{other} || '') eq 'no';
		my $o = run_filter($other, $c);
		is("$o->{rc}\n$o->{out}", "$r->{rc}\n$r->{out}", "$c->{ids} $c->{title}: as the other maildrop");
	}
}
done_testing();
