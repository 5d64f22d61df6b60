#!/usr/bin/perl
# slow
# MTA-2239: mail flows while scheduler, gates and modules are killed again and again: what was accepted arrives.
# A message may arrive twice only where a result could not have been recorded: that is what was being
# delivered at the moment of a kill, MAXHOST messages at the most.
use strict;
use warnings;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Courier::Test;
use POSIX ();
use Time::HiRes qw(sleep time);

my $maxhost = 8;
my ($senders, $seconds) = (6, $ENV{COURIER_TEST_CRASH_SECONDS} || 8);
my $t = Courier::Test->new(config => {esmtpd => {TARPIT => 0}, 'module.local' => {MAXHOST => $maxhost}});
# A module that was killed leaves deferrals: they are to be tried again soon.
$t->file("etc/$_->[0]", "$_->[1]\n") for ['retryalpha', 1], ['retrygamma', 1], ['retrymaxdelta', 0];
$t->start;

sub send_one {
	my ($id) = @_;
	my $s = eval { $t->connect('smtp') } or return 0;
	return 0 if $t->smtp_reply($s) !~ /^220/;
	for my $c ('EHLO client.test', 'MAIL FROM:<>', 'RCPT TO:<bob@example.test>', 'DATA') {
		print $s "$c\r\n" or return 0;
		return 0 if $t->smtp_reply($s) !~ /^[23]/;
	}
	print $s "From: x\@far.test\r\nSubject: id=$id\r\n\r\ntext\r\n.\r\n" or return 0;
	return $t->smtp_reply($s) =~ /^250 /;
}

$SIG{PIPE} = 'IGNORE';
my $until = time + $seconds;
my @children;
for my $n (1 .. $senders) {
	my $pid = fork;
	die "fork: $!" if !defined $pid;
	if (!$pid) {
		open my $out, '>', $t->scratch . "/accepted.$n" or POSIX::_exit(1);
		$out->autoflush(1);
		for (my $i = 1; time < $until; $i++) {
			send_one("$n.$i") ? print $out "$n.$i\n" : sleep 0.02;
		}
		exec 'true';
	}
	push @children, $pid;
}
my @roles = ('sched', 'sched', 'gate', 'local', 'sched');
my $kills = 0;
while (time < $until) {
	sleep 0.5 + rand 0.7;
	my @p = $t->command('courier', 'status') =~ /^$roles[$kills % @roles]\s+\d+\s+([1-9]\d*)/mg;
	$kills += kill 'KILL', $p[rand @p] if @p;
}
waitpid $_, 0 for @children;
cmp_ok($kills, '>=', 3, "$kills processes were killed");

my @accepted;
for my $file (glob $t->scratch . '/accepted.*') {
	open my $in, '<', $file or next;
	chomp(my @ids = <$in>);
	push @accepted, @ids;
}
cmp_ok(scalar @accepted, '>', 20, scalar(@accepted) . ' messages were accepted');
ok($t->wait_for(60, sub { $t->command('courier', 'status') =~ /^sched\s.*\bmessages=0\b/m }), 'the queue runs empty');
my %seen;
$_->[1] =~ /^Subject: id=(\S+)/m and $seen{$1}++ for $t->mailbox('bob');
my @lost = grep {!$seen{$_}} @accepted;
is("@lost", '', 'nothing that was accepted is lost');
my $twice = grep {$_ > 1} values %seen;
cmp_ok($twice, '<=', $maxhost * $kills, "$twice arrived more than once");
$t->{keep} = 1 if @lost;
$t->stop;
done_testing;
