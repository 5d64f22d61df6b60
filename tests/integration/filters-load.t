#!/usr/bin/perl
# slow
# Filters that die, gates that die and clients that leave, all under load: nothing passes unfiltered,
# nothing that was accepted is lost, nothing is left behind.  MTA-0851 MTA-1909 MTA-1917
use strict;
use warnings;
use Test::More;
use FindBin;
use POSIX ();
use Time::HiRes qw(sleep time);
use lib "$FindBin::Bin/../lib";
use Courier::Filter;
use Courier::Test;

my $t = Courier::Test->new(config => {submit => {FILTERTIME => 5}, esmtpd => {TARPIT => 0}});
my @dir = ('-C', $t->path(''));
my $f = Courier::Filter->new($t, 'load');
$f->answer("slow:0.02");
$t->start;
my $alice = 'alice@' . $t->domain;
my ($senders, $each) = (4, 25);

# Each writes down what was answered with 250.
sub senders {
	my ($round) = @_;
	my @pids;
	for my $s (1 .. $senders) {
		my $pid = fork;
		if (!$pid) {
			open my $done, '>', $t->scratch . "/done.$round.$s";
			for my $i (1 .. $each) {
				my $r = eval { $t->send_mail(from => 'x@client.test', to => $alice, text => "Subject: $round.$s.$i\n\nx\n") } || '';
				print $done "$round.$s.$i\n" if $r =~ /^250 /;
				sleep 0.05 if $r !~ /^250 /;
				# somebody hangs up at the end of his text
				if ($i % 5 == 0) {
					my $c = $t->connect('smtp');
					$t->smtp_reply($c);
					$t->smtp($c, $_) for 'EHLO x', 'MAIL FROM:<y@client.test>', "RCPT TO:<$alice>", 'DATA';
					print $c "Subject: left\r\n\r\nx\r\n.\r\n";
					close $c;
				}
			}
			close $done;
			POSIX::_exit(0);
		}
		push @pids, $pid;
	}
	return @pids;
}

sub accepted {
	my ($round) = @_;
	return map {open my $h, '<', $_ or die; my @l = <$h>; chomp @l; @l} glob $t->scratch . "/done.$round.*";
}

sub check {
	my ($what, $round) = @_;
	my @good = accepted($round);
	cmp_ok(scalar @good, '>', 0, "$what: " . @good . ' of ' . $senders * $each . ' were accepted');
	ok($t->wait_empty_queue(30), 'the queue runs empty');
	my %got;
	$got{$_}++ for map {$_->[1] =~ /^Subject: (\Q$round\E\.\d+\.\d+)$/m ? $1 : ()} $t->mailbox('alice');
	is(join(' ', grep {!$got{$_}} @good), '', 'each of them is delivered');
	my %seen = map {$_->{data} =~ /^Subject: (\S+)$/m ? ($1 => 1) : ()} $f->requests;
	is(join(' ', grep {!$seen{$_}} sort keys %got), '', 'no message was delivered that the filter has not seen');
}

# the filter dies again and again
my @pids = senders('filter');
my $kills = 0;
for (1 .. 200) {
	last if !@pids;
	@pids = grep {waitpid($_, POSIX::WNOHANG()) == 0} @pids;
	my $pid = $f->facts->{pid};
	$kills += kill KILL => $pid if $pid && $_ % 4 == 0;
	sleep 0.15;
}
waitpid $_, 0 for @pids;
cmp_ok($kills, '>', 0, "the filter was killed $kills times");
check('a filter that is killed', 'filter');
ok($t->wait_for(40, sub { $t->command('courier', @dir, 'status') =~ /load=ready/ }), 'it comes back');

# the gates die
$kills = 0;
@pids = senders('gate');
for (1 .. 100) {
	last if !@pids;
	@pids = grep {waitpid($_, POSIX::WNOHANG()) == 0} @pids;
	my @gates = map {/^gate\b\S*\s+(?:\d+\s+)?(\d+)\s/ ? $1 : ()} split /\n/, $t->command('courier', @dir, 'status');
	$kills += kill KILL => $gates[rand @gates] if @gates && $_ % 3 == 0;
	sleep 0.15;
}
waitpid $_, 0 for @pids;
cmp_ok($kills, '>', 0, "gates were killed $kills times");
check('gates that are killed', 'gate');
ok($t->wait_for(10, sub { $t->send_mail(from => 'x@client.test', to => $alice, text => "Subject: last\n\nx\n") =~ /^250 / }), 'mail goes on');

# the keeper dies
my $old = $f->facts->{pid};
my ($keeper) = map {/^filter\b\S*\s+(?:\d+\s+)?(\d+)\s/ ? $1 : ()} split /\n/, $t->command('courier', @dir, 'status');
ok($keeper && kill(KILL => $keeper), 'the keeper of the filters is killed');
ok($t->wait_for(20, sub { !kill(0 => $old) && $t->send_mail(from => 'x@client.test', to => $alice, text => "Subject: keeper\n\nx\n") =~ /^250 / }),
    'its filters end with it, new ones are started, mail goes on');
isnt($f->facts->{pid}, $old, 'by a new process');
is($t->stop, '', 'stop');
ok(!$t->log_lines(qr/died of signal (?:6|11)\b/), 'nothing has crashed by itself');
done_testing;
