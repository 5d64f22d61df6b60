#!/usr/bin/perl
# slow: the queue stands on a small file system of its own that runs full, of bytes or
# of inodes (T10, T13): clients are put off, nothing that
# was accepted is lost, and when there is room again all goes on by itself.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Courier::CrashRun;
use Courier::Storm;
use Courier::Test;
use Test::More;

plan skip_all => 'mounting needs root' if $> != 0;
if (!$ENV{COURIER_TEST_OWN_MOUNTS}) {
	plan skip_all => 'no mount namespace here' if system('unshare -m true 2>/dev/null') != 0;
	$ENV{COURIER_TEST_OWN_MOUNTS} = 1;
	exec 'unshare', '-m', $^X, "-I$FindBin::Bin/../lib", $0 or die "unshare: $!";
}

my $t = Courier::Test->new(users => ['alice', 'bob']);
my $queue = $t->path('var/queue');
my ($uid, $gid) = (stat $queue)[4, 5];
if (system("mount -t tmpfs -o size=80m,nr_inodes=600,mode=700,uid=$uid,gid=$gid none $queue 2>/dev/null") != 0) {
	plan skip_all => 'cannot mount a tmpfs';
}
my $storm = Courier::Storm->new($t, kinds => ['a', 'ab', 's', 'f'], big_every => 2)->prepare;
$t->start;
is $storm->burst(8, 50), 8, 'accepted while there is room';

# Takes all the room; true when none is left.
sub fill {
	open my $f, '>>', "$queue/ballast" or die "ballast: $!";
	for my $n (1 << 20, 4096, 1) {
		1 while (syswrite $f, 'x' x $n) // 0 == $n;
	}
	close $f;
	return -s "$queue/ballast";
}

# Takes all the inodes: small mail needs none, large mail and what is deferred do.
sub fill_inodes {
	mkdir "$queue/ballast.d";
	my $n = 0;
	while (open my $f, '>', "$queue/ballast.d/" . ++$n) { close $f }
	return $n;
}

for my $round (1, 2) {
	$storm->drain(20);
	sleep 1;
	cmp_ok fill_inodes(), '>', 100, "no inodes, round $round";
	$storm->burst(12, 3);
	system 'rm', '-rf', "$queue/ballast.d";
	is $storm->burst(4, 400), 4, 'accepted again when there are some';
}

for my $round (1, 2) {
	$storm->drain(20);
	sleep 1; # files of messages that are done go a little later
	ok fill(), "no room, round $round";
	my $n = $storm->burst(12, 3);
	cmp_ok $n, '<', 12, "$n of 12 are accepted, the others put off";
	if ($round == 2) { # also a start without room
		$storm->kill_role('sched');
		$t->wait_for(10, sub { @{$storm->processes->{sched} || []} });
		$storm->burst(4, 3);
	}
	unlink "$queue/ballast" or die;
	is $storm->burst(8, 400), 8, 'accepted again when there is room';
}
ok $storm->drain(60), 'the queue drains' or diag $t->command('courier', '-C', $t->path(''), 'show');
my $a = Courier::CrashRun::report($storm);
cmp_ok $a->{refused}, '>', 5, "$a->{refused} were put off";
is $t->stop, '', 'stops';
system 'umount', $queue;
done_testing;
