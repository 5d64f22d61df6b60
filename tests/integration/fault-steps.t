#!/usr/bin/perl
# slow: at each durable step of the scheduler, the gate and the delivery workers in turn the process is
# killed, or the call fails (disk full, disk broken, no descriptors), and no child can be made.  A
# client never hears 250 for what is lost afterwards.  As an ordinary user, since only then does the
# supervisor let LD_PRELOAD through.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Courier::CrashRun;
use Courier::Faults;
use Courier::Storm;
use Courier::Test;
use Errno qw(EIO EMFILE ENOMEM ENOSPC);
use Test::More;

Courier::Faults::become_ordinary();
my $faults = Courier::Faults->new;
my $t = Courier::Test->new(users => ['alice', 'bob']);
my $storm = Courier::Storm->new($t, clients => 1, kinds => ['as', 'b', 'f', 'a'], big_every => 3)->prepare;
$faults->start($t);

my ($accepted, $refused, $steps, $doubled, $deaths) = (0) x 5;

# A handful of messages with a fault in the program; true when the fault was met.
sub step {
	my ($what, %fault) = @_;
	$storm->forget;
	my $pid = $faults->arm(%fault);
	my $sent = $storm->burst($fault{messages} || 4, $fault{tries} || 200);
	my $met = $faults->disarm;
	my $drained = $storm->drain(40);
	my $a = $storm->audit;
	my @wrong = map { @{$a->{$_}} ? "$_: @{$a->{$_}}" : () } qw(lost torn permanent unknown);
	push @wrong, 'the queue does not drain' if !$drained;
	push @wrong, "$a->{doubled} doubled by an error that was reported" if $a->{doubled} > 4;
	ok !@wrong, $what or diag join "\n", @wrong;
	$accepted += $a->{accepted};
	$refused += $a->{refused} + $a->{undecided};
	$doubled += $a->{doubled};
	$deaths++ if $met && !$fault{error};
	$steps++;
	# The supervisor waits longer after each death of a minute.
	$faults->restart($t) if $met && !$fault{error} && $deaths % 3 == 0;
	return $met;
}

sub walk {
	my ($program, $name, $error, $stride, $first) = @_;
	my $n = $first;
	$n += $stride while step("$program, $name at call $n", program => $program, at => $n, error => $error) && $n < 120;
	cmp_ok $n, '>', $first, "$program: came to the end of its calls at $n";
}

my $fine = $ENV{COURIER_TEST_FINE} ? 1 : 0;
for my $program ('couriersched', 'courierlocal-worker', 'couriergate') {
	walk($program, 'killed', 0, $fine || ($program eq 'couriergate' ? 1 : 3), 1);
	walk($program, 'disk full', ENOSPC, $fine || ($program eq 'couriergate' ? 1 : 4), 1);
	walk($program, 'disk broken', EIO, $fine || ($program eq 'couriergate' ? 1 : 4), 2 - ($program eq 'couriergate'));
}

# A fault that stays: nothing is accepted meanwhile, or what is accepted arrives later.
for my $f (['couriersched', ENOSPC, 'files'], ['couriersched', EIO, 'sync'], ['couriergate', ENOSPC, 'files'],
	['courierlocal-worker', ENOSPC, 'files'], ['courierlocal-worker', EMFILE, 'create open'],
	['couriersched', EMFILE, 'create open'],
	['courierbroker', ENOMEM, 'fork'], ['courierlocal', EMFILE, 'open']) {
	my ($program, $error, $classes) = @$f;
	$! = $error;
	step("$program, for a while: $! ($classes)", program => $program, at => 1, error => $error, forever => 1,
		classes => $classes, tries => 5, messages => 4);
	is $storm->burst(2, 200), 2, 'and takes mail again';
	ok $storm->drain(30), 'and delivers';
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

diag "$steps steps: $accepted accepted, $refused put off or unanswered; $deaths deaths; $doubled doubled";
is $t->stop, '', 'stops';
done_testing;
