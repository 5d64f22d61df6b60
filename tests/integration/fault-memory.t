#!/usr/bin/perl
# slow: memory runs out in each process in turn, at one call or for a while (T22): a client hears 4xx at
# worst, what was accepted arrives, and the process goes on or is started anew.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Courier::FaultRun;
use Errno qw(ENOMEM);
use Test::More;

plan skip_all => 'memory is the sanitizer\'s' if ($ENV{COURIER_TEST_CONFIGURE} || '') =~ /sanitize/;
my $run = Courier::FaultRun->new(kinds => ['as', 'r', 'fb', 'ab']);
for my $program ($ENV{COURIER_TEST_PROGRAM} || ('couriergate', 'courierlocal', 'courierlocal-worker', 'courieresmtp', 'courierdsn',
	'courieresmtpd', 'courierbroker', 'couriersched')) {
	my $met = 0;
	# Calls of an idle process are few; those of a message some hundreds.
	for (my $n = 1; $n < 1500; $n = int($n * 3) + 1) {
		$run->step("$program: no memory at call $n", program => $program, at => $n, error => ENOMEM, classes => 'memory')
		    or last;
		$met++;
	}
	cmp_ok $met, '>', 2, "$program met it $met times";
	# (Clients of a gate or a front end that has none for long wait until its place is filled.)
	$run->for_a_while($program, ENOMEM, 'memory', tries => 3, messages => 2) if $program !~ /gate|esmtpd/;
	$run->{faults}->restart($run->{t});
}
$run->finish;
