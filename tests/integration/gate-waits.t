#!/usr/bin/perl
# The scheduler is killed under clients: the gate holds MAIL and END back until the next one serves, and
# nobody is told to come again for so short a while.  (One that stays away: tests/unit/gate-edge.c.)
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Courier::Storm;
use Courier::Test;
use Time::HiRes qw(time sleep);

my $t = Courier::Test->new(users => ['alice', 'bob'], config => {esmtpd => {TARPIT => 0, BOFHCHECKDNS => 0}});
my $storm = Courier::Storm->new($t);
$t->start;
sub scheduler { my $p = $storm->processes; return ($p->{sched} || [])->[0] }
sub session {
	my ($subject) = @_;
	my $s = $t->connect('smtp');
	$t->smtp_reply($s);
	$t->smtp($s, 'EHLO client.test');
	return $s;
}

# ---- killed between messages, before MAIL
my $pid = scheduler();
ok $pid, 'there is a scheduler' or BAIL_OUT('none');
my $s = session();
kill 'KILL', $pid;
sleep 0.02;
my $start = time;
my $r = $t->smtp($s, 'MAIL FROM:<x@far.test>');
ok $r =~ /^250 / || time - $start > 1.9, 'MAIL waits for the next scheduler' or diag $r, $t->log;
$r = $t->smtp($s, 'MAIL FROM:<x@far.test>') for 1 .. ($r =~ /^250/ ? 0 : 5); # on a slow machine
like $t->smtp($s, 'RCPT TO:<alice@example.test>'), qr/^250 /, '... RCPT';
like $t->smtp($s, 'DATA'), qr/^354 /, '... DATA';

# ---- killed within a message, before its end; many at once
my @many = map {session()} 1 .. 20;
for my $c (@many) { $t->smtp($c, $_) for 'MAIL FROM:<x@far.test>', 'RCPT TO:<bob@example.test>', 'DATA' }
ok $t->wait_for(10, sub { my $new = scheduler(); $new && $new != $pid }), 'another scheduler';
$t->wait_for(10, sub { $t->command('courier', '-C', $t->path(''), 'show') !~ /not answer|cannot/ });
$pid = scheduler();
kill 'KILL', $pid;
sleep 0.05; # the gate has seen the end of the edge
$start = time;
print $s "Subject: waited\r\n\r\nx\r\n.\r\n";
print {$many[$_]} "Subject: many $_\r\n\r\nx\r\n.\r\n" for 0 .. $#many;
my @replies = map {$t->smtp_reply($_)} $s, @many;
my $took = time - $start;
my @later = grep {!/^250 /} @replies;
ok !@later || $took > 1.9, sprintf 'the ends of all messages wait for it (%.2f s)', $took or diag join '', @later;
SKIP: {
	skip 'slow machine', 4 if @later;
	ok $t->wait_mail('alice', qr/^Subject: waited$/m), 'delivered';
	ok $t->wait_mail('bob', qr/^Subject: many $_$/m), "... number $_" for 0, 10, 19;
}

is $t->stop, '', 'stops';
done_testing;
