#!/usr/bin/perl
# slow
# Signals in any state (T24), and deaths of other kinds than kill -9 (T23), while mail flows: nothing is
# lost.  A scheduler that dies is started again soon, and a stop in between ends at once (MTA-0012).
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Courier::CrashRun;
use Courier::Storm;
use Courier::Test;
use Test::More;
use Time::HiRes qw(sleep time);

my $t = Courier::Test->new(users => ['alice', 'bob']);
my $storm = Courier::Storm->new($t, clients => 4, each => 60, pause => 0.03)->prepare;
$t->start;
srand($ENV{COURIER_TEST_SEED} || 24);
my $supervisor = sub { return @{$storm->processes->{supervisor} || []} };
my ($super) = $supervisor->();

# Harmless ones to everybody, HUP among them; the supervisor takes it for a reload.
$storm->send;
my ($sent, $round) = (0, 0);
my @deadly = qw(SEGV ABRT TERM BUS QUIT SEGV);
while ($storm->sending && $round++ < 60) {
	my $p = $storm->processes;
	my @all = map {@$_} values %$p;
	$sent += kill $_, @all for 'CHLD', 'PIPE', 'WINCH', 'CONT', 'URG';
	$sent += kill 'INT', grep { $_ != $super } @all;
	$sent += kill 'HUP', $round % 10 ? map {@{$p->{$_} || []}} 'gate', 'sched', 'local', 'esmtpd', 'broker' : $super;
	if ($round % 5 == 0 && @deadly) { # and one that kills
		my $role = (qw(sched gate local esmtp broker courierlocal-worker))[$round / 5 % 6];
		my @pids = @{$p->{$role} || []};
		$storm->{kills}{$role} += kill shift @deadly, $pids[rand @pids] if @pids;
	}
	sleep 0.05;
}
cmp_ok $sent, '>', 500, "$sent signals were sent";
ok $storm->wait_sent(100), 'all is sent';
ok $storm->drain(60), 'the queue drains';
is_deeply [$supervisor->()], [$super], 'the supervisor is still the same';
Courier::CrashRun::report($storm, 240);
# 6: the sanitizers have words of their own first
like $t->log, qr/died of signal (?:11|6)\b/, 'the log tells of what died';

# The scheduler dies again and again: the pauses grow, and a stop does not wait for them.
for my $n (1 .. 4) {
	ok $t->wait_for(15, sub { @{$storm->processes->{sched} || []} }), "the scheduler is there, $n";
	$storm->kill_role('sched');
}
my $begin = time;
is $t->stop, '', 'stops while the scheduler waits for its start';
cmp_ok time - $begin, '<', 15, 'at once';

# A stop in the middle of a storm, with impatience: bounded, and nothing is lost.
$t->start;
($super) = $supervisor->();
$storm->forget;
$storm->send;
sleep 0.5;
$begin = time;
kill 'TERM', $super;
for (1 .. 20) { kill 'TERM', $super; kill 'HUP', $super; kill 'INT', $super; sleep 0.02 }
ok $t->wait_for(45, sub { !kill 0, $super }), 'it ends';
cmp_ok time - $begin, '<', 40, sprintf 'within its time (%.1f s)', time - $begin;
$storm->stop_sending;
$t->start;
ok $storm->drain(60), 'the queue drains after the next start';
$storm->{kills}{clients} = 8; # their last message was cut off
Courier::CrashRun::report($storm);
is $t->stop, '', 'stops';
done_testing;
