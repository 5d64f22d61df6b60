package Courier::FaultRun;

# An instance whose programs meet faults one after the other, and the audit after each.
#
#	my $run = Courier::FaultRun->new(kinds => ['as', 'b']);
#	$run->step('what', program => 'couriersched', at => 3, error => ENOSPC);   # Courier::Faults
#	$run->walk('couriersched', 'disk full', ENOSPC, stride => 4);
#	$run->finish;

use strict;
use warnings;
use Courier::CrashRun;
use Courier::Faults;
use Courier::Storm;
use Courier::Test;
use Test::More;
use Time::HiRes qw(time);

# Root goes on as nobody from here.
sub new {
	my ($class, %o) = @_;
	Courier::Faults::become_ordinary();
	my $faults = Courier::Faults->new;
	my $t = Courier::Test->new(users => ['alice', 'bob'], config => delete $o{config} || {});
	my $storm = Courier::Storm->new($t, clients => 1, big_every => 3, patience => 0.5, %o)->prepare;
	my $self = bless {t => $t, faults => $faults, storm => $storm, fine => $ENV{COURIER_TEST_FINE} ? 1 : 0,
		map { $_ => 0 } qw(accepted refused steps doubled deaths)}, $class;
	$faults->start($t);
	return $self;
}

# A handful of messages with a fault in the program; true when the fault was met.
sub step {
	my ($self, $what, %fault) = @_;
	my ($storm, $faults) = @$self{qw(storm faults)};
	my $begin = time;
	$storm->forget;
	$faults->arm(%fault);
	my $sent = $storm->burst($fault{messages} // 4, $fault{tries} || 200);
	$fault{meanwhile}->() if $fault{meanwhile};
	# What follows the answer has its faults too.
	$storm->{t}->wait_for(3, sub { $faults->met || $storm->{t}->wait_empty_queue(0.01) }) if !$fault{forever};
	my $met = $faults->disarm;
	my $drained = $storm->drain(40);
	my $a = $storm->audit;
	my @wrong = map { @{$a->{$_}} ? "$_: @{$a->{$_}}" : () } qw(lost torn permanent unknown);
	push @wrong, 'the queue does not drain' if !$drained;
	push @wrong, "$a->{doubled} doubled by an error that was reported" if $a->{doubled} > 4;
	ok !@wrong, sprintf '%s (%.1f s)', $what, time - $begin or diag join "\n", @wrong;
	$self->{accepted} += $a->{accepted};
	$self->{refused} += $a->{refused} + $a->{undecided};
	$self->{doubled} += $a->{doubled};
	my $deadly = !$fault{error} || ($fault{classes} || '') =~ /memory/;
	$self->{deaths}++ if $met && $deadly;
	$self->{steps}++;
	# The supervisor waits longer after each death of a minute.
	$faults->restart($self->{t}) if $met && $deadly && $self->{deaths} % 3 == 0;
	return $met;
}

# Each call in turn, by strides, until the program makes no further one.
sub walk {
	my ($self, $program, $name, $error, %o) = @_;
	my ($stride, $first) = ($self->{fine} || $o{stride} || 1, $o{first} || 1);
	my $max = $o{max} || 120;
	my $n = $first;
	$n += $stride while $n <= $max && $self->step("$program, $name at call $n", program => $program, at => $n,
		error => $error, $o{classes} ? (classes => $o{classes}) : ());
	cmp_ok $n, '>', $first, "$program: came to the end of its calls at $n";
}

# A fault that stays: nothing is accepted meanwhile, or what is accepted arrives later.
sub for_a_while {
	my ($self, $program, $error, $classes, %o) = @_;
	$! = $error;
	$self->step("$program, for a while: $! ($classes)", program => $program, at => 1, error => $error, forever => 1,
		classes => $classes, tries => 5, messages => 4, %o);
	is $self->{storm}->burst(2, 200), 2, 'and takes mail again';
	ok $self->{storm}->drain(30), 'and delivers';
}

sub finish {
	my ($self) = @_;
	diag "$self->{steps} steps: $self->{accepted} accepted, $self->{refused} put off or unanswered; "
	    . "$self->{deaths} deaths; $self->{doubled} doubled";
	is $self->{t}->stop, '', 'stops';
	done_testing;
}

1;
