package Courier::CrashRun;

# The crash test, short or long: a storm, deaths, the audit.

use strict;
use warnings;
use Courier::Storm;
use Courier::Test;
use Test::More;
use Time::HiRes qw(sleep);

my @ROLES = qw(sched gate local courierlocal-worker esmtp esmtpd dsn auth broker key imaplogin pop3login);
my $INFLIGHT = 64; # most deliveries under way for one account or host (MAXHOST of the modules)

# Starts what was killed; a start right after a death has to work.
sub start_again {
	my ($t) = @_;
	my $out;
	for (1 .. 50) {
		$out = $t->command('courier', '-C', $t->path(''), 'start');
		return 1 if !$?;
		last if $out !~ /running/;
		sleep 0.1;
	}
	diag $out;
	return 0;
}

sub run {
	my (%o) = @_;
	my $t = Courier::Test->new(users => ['alice', 'bob']);
	my $storm = Courier::Storm->new($t, %o)->prepare;
	$t->start;
	srand($ENV{COURIER_TEST_SEED} || 1);
	my @victims = sort { rand() <=> 0.5 } (@ROLES) x $o{rounds};
	my $every = int(@victims / ($o{instance_kills} + 1)) + 1;
	my ($n, $started) = (0, 1);
	$storm->send;
	while (@victims && $storm->sending) {
		sleep 0.15 + rand 0.2;
		$storm->kill_role(shift @victims);
		next if ++$n % $every;
		$n / $every % 2 ? $storm->kill_all : $storm->kill_supervisor;
		$started &&= start_again($t);
	}
	ok $started, 'the instance starts again after its death';
	is scalar(@victims), 0, 'all deaths happened while mail was sent' . " (@{[%{$storm->{kills}}]})";
	ok $storm->wait_sent(200), 'all is sent';
	ok $storm->drain(60), 'the queue drains' or diag $t->command('courier', '-C', $t->path(''), 'show');
	report($storm, $o{clients} * $o{each});
	is scalar(my @b = glob $t->path('var/queue/broken/*')), 0, 'no file of the queue was found broken';
	is $t->stop, '', 'stops';
	done_testing;
}

# What every run with faults must show.
sub report {
	my ($storm, $wanted) = @_;
	my $a = $storm->audit;
	my $kills = $storm->total_kills;
	is $a->{accepted}, $wanted, 'every message was accepted in the end' if defined $wanted;
	is_deeply $a->{lost}, [], 'none is lost';
	is_deeply $a->{torn}, [], 'none is torn';
	is_deeply $a->{permanent}, [], 'no fault was told as a permanent one';
	is_deeply $a->{unknown}, [], 'nothing came that nobody sent';
	my $most = $kills * $INFLIGHT;
	cmp_ok $a->{doubled}, '<=', $most, "$a->{doubled} copies too many after $kills deaths";
	my $there = @{$a->{refused_but_there}};
	cmp_ok $there, '<=', $kills * $storm->{clients}, "$there arrived although put off";
	diag "$a->{accepted} accepted, $a->{refused} put off, $a->{undecided} without an answer; $kills deaths; "
	    . "$a->{doubled} doubled, $there put off but queued";
	return $a;
}

1;
