# slow
# T30 T37: the way through several mail hosts: the second when the first is down, equals by chance, a
# backup that never sends to its equals or to itself, and mail that goes in circles.
use strict;
use warnings;
use lib 'tests/lib', 'tests/lab/lib';
use Lab;
use Test::More;

my $lab = Lab->new;
$lab->zone('a.test', '@ MX 10 mail', 'mail A 192.0.2.10', 'mail AAAA 2001:db8::10');
$lab->zone('b.test', '@ MX 10 mail', 'mail A 192.0.2.20', 'mail AAAA 2001:db8::20');
$lab->zone('c.test', 'fall MX 10 gone', 'fall MX 20 closed', 'fall MX 30 busy', 'fall MX 40 bye', 'fall MX 50 one', 'same MX 10 one', 'same MX 10 two',
	'one A 192.0.2.31', 'two A 192.0.2.32', 'busy A 192.0.2.33', 'bye A 192.0.2.35', 'closed A 192.0.2.34', 'gone A 192.0.2.99',
	'spare MX 10 primary', 'spare MX 20 mail.b.test.', 'spare MX 20 closed', 'spare MX 30 two', 'primary A 192.0.2.36',
	'mine MX 10 other-name', 'other-name A 192.0.2.10', 'mine6 MX 10 other-name6', 'other-name6 AAAA 2001:db8::10');
$lab->zone('ring.test', '@ MX 10 mail.b.test.');
$lab->dns;
my ($one, $two) = map {$lab->smtp($_)} '192.0.2.31', '192.0.2.32';
my $busy = $lab->smtp('192.0.2.33', greeting => '421 4.3.2 too busy');
my $bye = $lab->smtp('192.0.2.35', greeting => 'CLOSE');
$lab->host('192.0.2.34');
my $first = $lab->host('192.0.2.36');
my $a = $lab->courier('a.test', ['192.0.2.10', '2001:db8::10'],
	files => {esmtptimeoutconnect => "3s\n", esmtpacceptmailfor => "a.test\nring.test\n", esmtptimeoutkeepalive => "0\n"})->start;
my $b = $lab->courier('b.test', ['192.0.2.20', '2001:db8::20'],
	files => {esmtpdelay => "0\n", esmtpacceptmailfor => "b.test\nspare.c.test\nring.test\n", esmtproutes => "ring.test:[192.0.2.10]\n"})->start;

# from one to the other
like($a->send('alice@a.test', 'bob@b.test', "Subject: over there\n\n1\n"), qr/^250/, 'accepted');
my $text = $b->wait_mail('bob', qr/over there/) // '';
like($text, qr/^Return-Path: <alice\@a\.test>/m, 'the other host has it');
like($text, qr/Received: from mail\.a\.test \(.*\[192\.0\.2\.10\]\)/, 'from the address of the first');

# the first three are down, in three ways
$a->send('alice@a.test', 'x@fall.c.test', "Subject: fall back\n\n1\n");
like(join("\n", $a->settled('x@fall.c.test')), qr/delivered: one\.c\.test \[192\.0\.2\.31\]/, 'the next host, and the next');
is(join(' ', map {$_->connections} $busy, $bye), '1 1', 'each was asked');

# equals share the mail
$a->send('alice@a.test', "x$_\@same.c.test", "Subject: equal $_\n\n1\n") for 1 .. 24;
ok($a->wait_empty_queue, 'all has left');
my @got = map {scalar grep {/equal/} $_->messages} $one, $two;
is($got[0] + $got[1], 24, 'once each');
ok($got[0] && $got[1], "both equals get mail (@got)");

# our own address under somebody else's name
for my $domain ('mine.c.test', 'mine6.c.test') {
	$a->send('alice@a.test', "x\@$domain", "Subject: to myself\n\n1\n");
	like(join("\n", $a->settled("x\@$domain")), qr/failure/, "$domain: our own address, whatever its name");
}
ok($a->wait_mail('alice', qr/loops back to myself/), 'and the sender is told');

# a backup keeps mail while the first host is down, and gives it to nobody else
like($a->send('alice@a.test', 'x@spare.c.test', "Subject: kept\n\n1\n"), qr/^250/, 'mail for who is down');
like(join("\n", $b->settled('x@spare.c.test')), qr/status: deferred/, 'the backup keeps it') or diag($a->settled('x@spare.c.test'));
ok(!(grep {/kept/} $two->messages), 'a host behind the backup gets nothing');
my $primary = $first->smtp;
ok($b->flush_until(20, sub { grep {/kept/} $primary->messages }), 'the first host gets it when it is back');

# two hosts that each hold the other responsible
like($a->send('alice@a.test', 'x@ring.test', "Subject: circle\n\n1\n"), qr/^250/, 'mail for a ring');
ok($a->wait_mail('alice', qr/x\@ring\.test.*(?:hop|loop|Received)/is, 60), 'ends with a report') or diag($a->log, $b->log);
ok($a->wait_empty_queue && $b->wait_empty_queue, 'and nothing goes round any more');
done_testing;
