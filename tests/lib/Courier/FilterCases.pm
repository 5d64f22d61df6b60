package Courier::FilterCases;

# The cases of the delivery language: tests/filter/*.cases and terms.tsv.
#
# A case is a line "## IDS title [key=value ...]", a filter, a line "--", what it prints.  Keys:
# rc=N the exit status (0), msg=NAME the message (plain), err=TEXT is in what it says on standard
# error (blanks as "_"), file=NAME what is in that file counts instead of the output, other=no the
# other maildrop is known to differ here.

use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(dirname);

my $filters = dirname(abs_path(__FILE__)) . '/../../filter';

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

sub spew { my ($file, $text) = @_; open my $fh, '>', $file or die "$file: $!"; print $fh $text; close $fh; return }

# What a case finds in its folder, which is the present one.
sub prepare {
	my ($case) = @_;
	spew('f', $case->{filter});
	spew('message', $message{$case->{msg} || 'plain'});
	spew('patterns', "# comment\n\n   ^joe\@\nfriend\@public\n");
	spew('inc', "INCLUDED=yes\nif (\$STOP)\n{\n exit\n}\n");
	spew('bad', "if (\n");
	mkdir $_ for 'md', map {"md/$_"} qw(tmp new cur);
	chmod 0600, 'f';
	return;
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

sub all {
	return map { /tsv$/ ? terms($_) : cases($_) } sort(glob "$filters/*.cases"), "$filters/terms.tsv";
}

1;
