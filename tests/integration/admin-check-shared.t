#!/usr/bin/perl
# courier check tells of an index of shared folders what sessions pass over in silence.
use strict;
use warnings;
use Test::More;
use File::Path qw(make_path);
use File::Temp qw(tempdir);

my $courier = ($ENV{COURIER_TEST_PREFIX} || '') . '/sbin/courier';
BAIL_OUT("no $courier: run the tests with ./runtests") unless -x $courier;
my $top = tempdir(CLEANUP => 1);
make_path("$top/etc/shared", "$top/var", map {"$top/$_"} map { ("$_/tmp", "$_/new", "$_/cur") } qw(a/Maildir b/Maildir pub closed));
umask 022;
chmod 0755, $top, "$top/etc", "$top/pub";
chmod 0700, "$top/closed";
chown 65534, 65534, "$top/a/Maildir" if $> == 0;

sub spew { my ($rel, $text) = @_; open my $f, '>', "$top/$rel" or die; print $f $text; close $f; return }
sub check { my $out = qx(COURIER_HOME=$top $courier check 2>&1); return $out }
sub about { my ($out) = @_; return join "\n", grep {m{/etc/(?:shared/|maildirshared)}} split /\n/, $out }

my $uid = $> == 0 ? 65534 : $>;
spew('etc/shared/index', "# comment\nalice\t$uid\t1\t$top/a\nstaff\t*\tindexstaff\n");
spew('etc/shared/indexstaff', "al\t$uid\t1\t$top/a\n");
spew('etc/maildirshared', "pub $top/pub\n");
is(about(check()), '', 'a good index: not a word');

my @rows = (
	["alice\t1\n", qr/:1: .*no line of an index.*'\.\.\.'/, 'a line that is none'],
	["alice\t$uid\t1\t$top/none\n", qr/:1: .*no such Maildir on this host: '\Q$top\E\/none/, 'no Maildir'],
	["alice\t$uid\t1\t$top\t./etc\n", qr/:1: .*this is no Maildir/, 'something else there'],
	["alice\t$uid\t1\t$top/a\nalice\t$uid\t1\t$top/a\n", qr/:2: .*further up already/, 'a name twice'],
	["a.b\t$uid\t1\t$top/a\na/b\t$uid\t1\t$top/a\n", qr/:2: .*further up already/, 'names that look the same to clients'],
	["g\t*\tindexnone\n", qr/:1: .*a group without its file: 'indexnone'/, 'a group without file'],
	["g\t*\t../../etc/passwd\n", qr/:1: .*no line of an index/, 'a group elsewhere'],
	["alice\t$uid\t1\t$top/a\t../b/Maildir\n", qr/:1: .*a path with '\.\.'/, 'a path that climbs'],
	["alice\t7\t1\t$top/a\n", qr/:1: .*not of the uid in the line/, 'the Maildir of another uid'],
);
push @rows, ["root\t0\t1\t$top/b\n", qr/:1: .*is root's/, 'a Maildir of root\'s'] if $> == 0;
for my $row (@rows) {
	spew('etc/shared/index', $row->[0]);
	like(about(check()), $row->[1], $row->[2]);
}
spew('etc/shared/index', "x\n" x 50);
my $out = about(check());
is(scalar(() = $out =~ /no line of an index/g), 20, 'of many lines some are named');
like($out, qr/and 30 lines more/, 'and the others counted');

spew('etc/shared/index', "alice\t$uid\t1\t$top/a\n");
chmod 0666, "$top/etc/shared/index";
like(about(check()), qr/everybody may change it/, 'an index that everybody may write');
chmod 0664, "$top/etc/shared/index";
like(about(check()), qr/warning: its group may change it/, 'or its group');
chmod 0644, "$top/etc/shared/index";
SKIP: {
	skip 'for root', 2 if $> != 0;
	chmod 0600, "$top/etc/shared/index";
	like(about(check()), qr/warning: accounts can't read it.*chmod o\+r/, 'an index that accounts cannot read');
	chmod 0644, "$top/etc/shared/index";
	chmod 0700, "$top/etc/shared";
	like(about(check()), qr/warning: accounts can't reach it/, 'an index in a closed folder');
	chmod 0755, "$top/etc/shared";
}
for my $row (["pub $top/none\n", qr/no such Maildir/], ["pub relative\n", qr/absolute path/], ["a.b $top/pub\n", qr/not a name/],
	["pub $top/pub\npub $top/pub\n", qr/:2: .*further up/], ["pub $top/closed\n", qr/open to nobody/]) {
	spew('etc/maildirshared', $row->[0]);
	like(about(check()), $row->[1], 'maildirshared: ' . ($row->[0] =~ s/\n.*//sr));
}
done_testing;
