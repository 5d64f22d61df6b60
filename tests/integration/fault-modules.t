#!/usr/bin/perl
# slow: the modules, the way of a report, and the processes around them: killed at each of their calls, no
# descriptors at each, disks that cannot be read, and nobody who can make a process (T02, T04, T12,
# T20, T21).  Conservation is checked after each.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Courier::FaultRun;
use Errno qw(EAGAIN EIO EMFILE ENOMEM);
use Test::More;

# 'r' goes to a host that does not want it: a report is made and comes back.
my $run = Courier::FaultRun->new(kinds => ['rs', 'f', 'ab']);
my ($t, $storm) = @$run{qw(t storm)};
my $any = 'files open socket';

for my $program ('courierdsn', 'courieresmtp', 'courierlocal') {
	$run->walk($program, 'killed', 0, classes => $any, stride => 3, max => 7);
	$run->walk($program, 'no descriptors', EMFILE, classes => $any, stride => 4, max => 9);
}
$run->walk('couriergate', 'no descriptors', EMFILE, classes => $any, stride => 3, max => 7);
$run->walk('couriersched', 'no descriptors', EMFILE, classes => $any, stride => 9, max => 28);
$run->walk('couriersched', 'cannot read', EIO, classes => 'read', stride => 2, max => 5);
$run->walk('courierlocal-worker', 'cannot read', EIO, classes => 'read', max => 2);
for my $f (['couriersched', EIO, 'read'], ['couriergate', EMFILE, $any], ['courieresmtp', EMFILE, 'socket'],
	['courierdsn', EMFILE, $any], ['courierbroker', EMFILE, 'socket open']) {
	$run->for_a_while(@$f);
}

# A process dies while no new one can be made: the supervisor tries again, and mail waits (T20).
for my $role ('gate', 'local', 'esmtp') {
	$run->for_a_while('courierd', EAGAIN, 'fork', messages => 0, meanwhile => sub {
		$storm->kill_role($role) for 1, 2;
		sleep 1;
	});
	ok $t->wait_for(20, sub { @{$storm->processes->{$role} || []} }), "$role is there again";
}
$run->finish;
