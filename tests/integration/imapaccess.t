#!/usr/bin/perl
# MTA-1613 IMAP-0025 IMAP-0201 IMAP-0202: imapaccess, which says from where IMAP may be spoken, and makeimapaccess.
use strict;
use warnings;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Courier::Test;
use IO::Socket::INET;

my $t = Courier::Test->new(users => ['alice'], config => {imapd => {MAXPERIP => 2}},
	files => {'imapaccess/default' => "127.0.0.2\tdeny\n"});
$t->start;

sub dial {
	my ($from, $service) = @_;
	my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $t->port($service || 'imap'), LocalAddr => $from, Timeout => 10)
	    or die "no connection: $@";
	$s->autoflush(1);
	return $s;
}
sub greeting { my $s = dial(@_); return (scalar(readline $s) // '', $s) }
sub in { return ((greeting(@_))[0] =~ /^(\* OK|\+OK)/) ? 1 : 0 }

is(in('127.0.0.1'), 1, 'others may come in');
is(in('127.0.0.2'), 0, 'MTA-1613: deny: the connection is closed without a word');
is(in('127.0.0.2', 'pop3'), 1, 'POP3 has no such table');
ok(scalar($t->log_lines(qr/connection refused, ip=\[::ffff:127\.0\.0\.2\]: imapaccess/)), 'the log says why');

my ($hello, $old) = greeting('127.0.0.3');
like($hello, qr/^\* OK/, 'a session');
$t->file('etc/imapaccess/default', "# who\n127.0.0.2\tallow,MAXCPERIP=4\n127.0.0.3\tdeny\n127.0.0.4/31\tdeny\n");
is($t->command('makeimapaccess'), '', 'makeimapaccess');
is($?, 0, 'succeeds');
ok($t->wait_for(20, sub { !in('127.0.0.3') }), 'MTA-1613: the new table is used without a restart');
is(in('127.0.0.5'), 0, 'blocks of addresses');
print $old "a LOGOUT\r\n";
ok(defined readline($old), 'old sessions end as they should');
my @held = grep { $_->[0] =~ /^\* OK/ } map { [greeting('127.0.0.2')] } 1 .. 6;
is(scalar(@held), 4, 'MAXCPERIP in place of MAXPERIP');
my @others = grep { $_->[0] =~ /^\* OK/ } map { [greeting('127.0.0.7')] } 1 .. 4;
is(scalar(@others), 2, 'which holds for others');
$t->file('etc/imapaccess/default', "127.0.0.2\tperhaps\n");
like($t->command('makeimapaccess'), qr/^makeimapaccess: line 1: /, 'a faulty line is told');
isnt($?, 0, 'and fails');
is(in('127.0.0.5'), 0, 'the old table stays');

# IMAP-0203: the files of a folder
$t->file('etc/imapaccess/default', "127.0.0.2\tallow\n");
$t->file('etc/imapaccess/more', "127.0.0.20\tdeny"); # without a last newline
$t->file('etc/imapaccess/zlast', "127.0.0.21\tdeny\n");
$t->file('etc/imapaccess/more~', "127.0.0.22\tdeny\n");
is($t->command('makeimapaccess'), '', 'IMAP-0203: files together');
ok($t->wait_for(20, sub { !in('127.0.0.20') && !in('127.0.0.21') }), 'IMAP-0203: all count');
is(in('127.0.0.22'), 1, 'IMAP-0203: but those with "~" in their names');
for my $left ('more.rpmsave', 'more.rpmnew', 'more.dpkg-dist', 'alone.dist') {
	$t->file("etc/imapaccess/$left", "127.0.0.23\tdeny\n");
	like($t->command('makeimapaccess'), qr/\Q$left\E' is a leftover/, "IMAP-0203: $left is a fault");
	isnt($?, 0, '... and a failure');
	unlink $t->path("etc/imapaccess/$left");
}
$t->file('etc/imapaccess/more.dist', "127.0.0.23\tdeny\n");
utime 1, 1, $t->path('etc/imapaccess/more.dist');
is($t->command('makeimapaccess'), '', 'IMAP-0203: an old .dist beside its file is passed over');
is(in('127.0.0.23'), 1, '... and does not count');
done_testing;
