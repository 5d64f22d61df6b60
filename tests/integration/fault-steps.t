#!/usr/bin/perl
# slow: at each durable step of the scheduler, the gate and the delivery workers in turn the process is
# killed, or the call fails (disk full, disk broken, no descriptors), and no child can be made.  A
# client never hears 250 for what is lost afterwards (MTA-2239).  As an ordinary user, since only then does the
# supervisor let LD_PRELOAD through.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Courier::FaultRun;
use Errno qw(EIO EMFILE ENOMEM ENOSPC);
use Test::More;

my $run = Courier::FaultRun->new(kinds => ['as', 'b', 'f', 'a']);
my ($t, $storm, $faults) = @$run{qw(t storm faults)};

for my $program ('couriersched', 'courierlocal-worker', 'couriergate') {
	my $gate = $program eq 'couriergate';
	$run->walk($program, 'killed', 0, stride => $gate ? 1 : 3);
	$run->walk($program, 'disk full', ENOSPC, stride => $gate ? 1 : 4);
	$run->walk($program, 'disk broken', EIO, stride => $gate ? 1 : 4, first => 2 - $gate);
}
for my $f (['couriersched', ENOSPC, 'files'], ['couriersched', EIO, 'sync'], ['couriergate', ENOSPC, 'files'],
	['courierlocal-worker', ENOSPC, 'files'], ['courierlocal-worker', EIO, 'sync'],
	['courierlocal-worker', EMFILE, 'create open'], ['couriersched', EMFILE, 'create open'],
	['courierbroker', ENOMEM, 'fork'], ['courierlocal', EMFILE, 'open']) {
	$run->for_a_while(@$f);
}

# Without descriptors a front end waits, without burning time, and goes on by itself.
sub ticks {
	my $n = 0;
	for my $pid (@{$storm->processes->{esmtpd}}) {
		open my $f, '<', "/proc/$pid/stat" or next;
		my @w = split / /, (<$f> =~ s/^.*\) //r);
		$n += $w[11] + $w[12];
	}
	return $n;
}
$storm->forget;
my $before = ticks();
$faults->arm(program => 'courieresmtpd', at => 1, error => EMFILE, forever => 1, classes => 'accept');
my $s = $t->connect('smtp');
sleep 2;
cmp_ok ticks() - $before, '<', 50, 'no descriptors: esmtpd does not spin';
cmp_ok $faults->disarm, '>', 0, 'it tried';
like $t->smtp_reply($s), qr/^220/, 'and takes the connection when there are some again';
close $s;
$run->finish;
