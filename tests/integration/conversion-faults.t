#!/usr/bin/perl
# A message that is written a second time because its body is converted: whichever write or sync of the
# gate fails or kills, the client hears 250 only for what arrives, whole and converted, and no file stays
# behind.  As an ordinary user, since only then does the supervisor let LD_PRELOAD through.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Courier::Faults;
use Courier::Test;
use Errno qw(EIO ENOSPC);
use Test::More;

Courier::Faults::become_ordinary();
my $faults = Courier::Faults->new;
my $t = Courier::Test->new(users => ['alice'], config => {esmtpd => {TARPIT => 0, MIME => '7bit'}});
$faults->start($t);

my $header = "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n";
my $line = "one line of a message that is large enough for a file of its own, caf\xc3\xa9\n";
my $body = $line x 6000;
(my $converted = $body) =~ s/caf\xc3\xa9\n/caf=C3=A9\n/g;
my ($n, $accepted, $refused) = (0, 0, 0);

sub one {
	my ($what, %fault) = @_;
	my $subject = 'message ' . ++$n;
	$faults->arm(%fault);
	my $r = eval { local $SIG{PIPE} = 'IGNORE'; $t->send_mail(from => 'x@far.example', to => 'alice@example.test', text => "${header}Subject: $subject\n\n$body") } // '';
	my $met = $faults->disarm;
	my $arrived = $r =~ /^250/ ? $t->wait_mail('alice', qr/^Subject: $subject$/m, 30) : '';
	if ($r =~ /^250/) {
		$accepted++;
		my ($text) = ($arrived // '') =~ /\n\n(.*)\z/s;
		ok(defined $text && $text =~ s/=\n//gr eq $converted, "$what: 250, and it arrives whole");
	} else {
		$refused++;
		like($r, qr/^(?:4\d\d |\z)/, "$what: put off");
		# a kill between the sync and the answer leaves a message the client will send again
		is(scalar(grep {$_->[1] =~ /^Subject: $subject$/m && $_->[1] !~ /\n\z/} $t->mailbox('alice')), 0, 'and nothing torn comes');
	}
	return $met;
}

for my $error (ENOSPC, EIO, 0) {
	local $! = $error;
	my $name = $error ? "$!" : 'killed';
	my $at = 1;
	my $met = sub { one("$name at call $at", program => 'couriergate', at => $at, error => $error) };
	# early on a call that was not met means a gate that was not there yet
	while (($met->() || ($at <= 10 && $faults->restart($t) && $met->())) && $at < 60) {
		$at++;
		$faults->restart($t) if !$error && $at % 2; # the supervisor waits longer after each death
	}
	cmp_ok($at, '>', 10, "$name: came to the end of the gate's calls at $at");
}
cmp_ok($accepted, '>', 0, "$accepted were accepted");
cmp_ok($refused, '>', 6, "$refused were put off");
ok($t->wait_empty_queue, 'the queue is empty');
ok($t->wait_for(10, sub { !(() = glob $t->path('var/queue/tmp/*')) }), 'and no file is left') or diag join ' ', glob $t->path('var/queue/tmp/*');
$t->stop;
done_testing;
