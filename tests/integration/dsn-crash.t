#!/usr/bin/perl
# slow: T04: mail that fails, while the dsn module, the gate, the scheduler or the local module is killed
# before each of its steps, or a step fails.  Each sender hears of each failure, at most once too often
# for a death; the message stays until its report is durable.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Courier::Faults;
use Courier::Test;
use Errno qw(EIO ENOSPC);
use Test::More;
use Time::HiRes qw(sleep);

Courier::Faults::become_ordinary();
my $faults = Courier::Faults->new;
my $t = Courier::Test->new(users => ['alice', 'bob'], files => {retryalpha => "1s\n", retrybeta => "1000\n"},
	config => {esmtpd => {TARPIT => 0}, submit => {BOFHSUPPRESSBACKSCATTER => 'none'}});
my $domain = $t->domain;
my ($home) = $t->maildir('alice') =~ m,(.*)/Maildir$,;
$t->file(substr($home, length $t->path('')) . '/.courier-no', "|echo go away; exit 67\n");
chmod 0600, "$home/.courier-no";
$faults->start($t);

my ($n, $deaths, $doubled) = (0, 0, 0);

sub give {
	my ($subject) = @_;
	for (1 .. 200) {
		my $r = eval { $t->send_mail(from => "bob\@$domain", to => "alice-no\@$domain", text => "Subject: $subject\n\ntext of $subject\n") } // '';
		return 1 if $r =~ /^250/;
		return 0 if $r =~ /^5/;
		sleep 0.1;
	}
	return 0;
}

sub reports {
	my %seen;
	for my $m ($t->mailbox('bob')) {
		next if $m->[1] !~ m{^Content-Type: multipart/report}m;
		return {broken => 1} if $m->[1] !~ /^--=_courier_\w+--\n\z/m;
		$seen{$1}++ if $m->[1] =~ /^text of (\S+)$/m;
	}
	return \%seen;
}

# Messages with a fault in the program; true when it was met.
sub step {
	my ($what, %fault) = @_;
	my @subjects = map {'s' . ++$n} 1 .. 2;
	$faults->arm(%fault);
	my $given = grep {give($_)} @subjects;
	sleep 0.3;
	my $met = $faults->disarm;
	my $all = $t->wait_for(60, sub { my $r = reports(); return !grep {!$r->{$_}} @subjects });
	my $quiet = $t->wait_empty_queue(60);
	my $r = reports();
	my $twice = 0;
	$twice += ($r->{$_} // 0) - 1 for @subjects;
	# A client whose answer was lost has sent the message again: that is two messages.
	my $most = $met ? 2 : 0;
	ok($given == 2 && $all && $quiet && !$r->{broken} && $twice <= $most, "$what: reported (" . ($twice + 2) . ' reports)')
	    or diag join ' ', "given $given, all ", $all // 0, ', empty ', $quiet // 0, map {"$_=" . ($r->{$_} // 0)} @subjects;
	$doubled += $twice;
	$deaths++ if $met && !$fault{error};
	$faults->restart($t) if $met && !$fault{error} && $deaths % 3 == 0;
	return $met;
}

for my $program ('courierdsn', 'couriergate', 'couriersched', 'courierlocal-worker') {
	for my $error (0, ENOSPC, EIO) {
		local $! = $error;
		my $name = $error ? "$!" : 'killed';
		my $at = 1;
		$at += $program eq 'couriersched' ? 6 : $program eq 'courierlocal-worker' ? 2 : 1
		    while step("$program, $name at call $at", program => $program, at => $at, error => $error) && $at < 30;
	}
}
# The dsn module itself, at random.
sub pid_of { return $t->command('courier', '-C', $t->path(''), 'status') =~ /^\Q$_[0]\E +\d+ +(\d+)/m ? $1 : () }
for my $round (1 .. 6) {
	my @subjects = map {'s' . ++$n} 1 .. 5;
	give($_) for @subjects;
	sleep 0.02 * $round;
	my @pids = grep {$_ > 1} pid_of('dsn');
	kill 'KILL', @pids if @pids;
	ok($t->wait_for(60, sub { my $r = reports(); return !grep {!$r->{$_}} @subjects }), "round $round: the module is killed, all are reported");
	ok($t->wait_empty_queue(60), 'and the queue is empty');
	my $r = reports();
	my @more = grep {$r->{$_} > 2} @subjects;
	is("@more", '', 'none more than once too often');
}
diag "$n messages, $deaths deaths, $doubled reports doubled";
is($t->stop, '', 'stops');
done_testing;
