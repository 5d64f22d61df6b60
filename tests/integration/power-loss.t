#!/usr/bin/perl
# slow: the power fails (T08).  Queue and mailboxes stand on a file system of their own, which is shut down
# at random moments as if the machine had gone off: what was not synced is lost, in whatever way the
# file system loses it (names without contents, contents without names, empty files).  Then it is
# mounted again and the instance starts: what was accepted is there, whole.  (MTA-2239)
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Courier::CrashRun;
use Courier::Storm;
use Courier::Test;
use Fcntl;
use File::Copy ();
use Test::More;
use Time::HiRes qw(sleep);

plan skip_all => 'mounting needs root' if $> != 0;
if (!$ENV{COURIER_TEST_OWN_MOUNTS}) {
	plan skip_all => 'no mount namespace here' if system('unshare -m true 2>/dev/null') != 0;
	$ENV{COURIER_TEST_OWN_MOUNTS} = 1;
	exec 'unshare', '-m', $^X, "-I$FindBin::Bin/../lib", $0 or die "unshare: $!";
}
my $SHUTDOWN = 0x8004587d; # EXT4_IOC_SHUTDOWN, _IOR('X', 125, __u32)
my $NOLOGFLUSH = 2;
my $boot_file = '/proc/sys/kernel/random/boot_id';

my $t = Courier::Test->new(users => ['alice', 'bob']);
my ($image, $disk) = ($t->path('') . '/../disk.img', $t->path('') . '/../disk');
mkdir $disk or die "$disk: $!";
my $made = system("truncate -s 160M $image && mkfs.ext4 -q -F $image 2>/dev/null") == 0;
plan skip_all => 'no mkfs.ext4' if !$made;
plan skip_all => 'no loop device' if !mount_it();

sub mount_it { return system("mount -o loop,noatime $image $disk 2>/dev/null") == 0 }

# Both folders move onto it.
for my $what ('var/queue', 'mail') {
	(my $name = $what) =~ s,.*/,,;
	system('cp', '-a', $t->path($what), "$disk/$name") == 0 or die;
	system('mount', '--bind', "$disk/$name", $t->path($what)) == 0 or die;
}
sub unbind { system 'umount', $t->path($_) for 'mail', 'var/queue'; return system("umount $disk") == 0 }

sub bind_again {
	system('mount', '--bind', "$disk/queue", $t->path('var/queue')) == 0 or die;
	system('mount', '--bind', "$disk/mail", $t->path('mail')) == 0 or die;
}

# Another run of the kernel, as far as anybody can tell.
my $runs = 0;
sub new_run {
	my $file = $t->scratch . '/boot_id.' . ++$runs;
	open my $f, '>', $file or die;
	printf $f "%08x-0000-0000-0000-000000000000\n", $runs;
	close $f;
	return system('mount', '--bind', $file, $boot_file) == 0;
}
plan skip_all => 'the name of the run of the kernel cannot be changed' if !new_run();

my $storm = Courier::Storm->new($t, clients => 4, each => 100000, big_every => 15, pause => 0.002,
	kinds => ['a', 'b', 'ab', 'as', 'b', 'f'])->prepare;
$t->start;

my ($rounds, $seconds) = ($ENV{COURIER_TEST_POWER_ROUNDS} || 5, 1.2);
srand($ENV{COURIER_TEST_SEED} || 8);
my ($accepted, $doubled, $mended) = (0, 0, 0);
for my $round (1 .. $rounds) {
	$storm->forget;
	sync_disk();
	$storm->send;
	sleep $seconds + rand $seconds;
	sysopen my $d, $disk, O_RDONLY | O_DIRECTORY or die;
	my $how = pack 'I', $NOLOGFLUSH;
	ok defined ioctl($d, $SHUTDOWN, $how), "round $round: the power fails" or diag $!;
	close $d;
	$storm->kill_all;
	$storm->stop_sending;
	ok $t->wait_for(20, sub { my $p = $storm->processes; !map {@$_} values %$p }), 'all is gone';
	ok $t->wait_for(20, \&unbind), 'the disk is free';
	new_run();
	ok mount_it(), 'the machine is on again';
	bind_again();
	my $out;
	for (1 .. 30) {
		$out = $t->command('courier', '-C', $t->path(''), 'start');
		last if !$?;
		sleep 0.2;
	}
	is $?, 0, 'the instance starts' or diag $out;
	ok $storm->drain(60), 'the queue drains' or diag $t->command('courier', '-C', $t->path(''), 'show');
	my $a = Courier::CrashRun::report($storm);
	$accepted += $a->{accepted};
	$doubled += $a->{doubled};
}
sub sync_disk { system 'sync', '-f', $disk }
diag "$accepted accepted, $doubled doubled in $rounds failures of power";
cmp_ok $accepted, '>', 50 * $rounds, 'there was something to lose';
is $t->stop, '', 'stops';
unbind();
system 'umount', $boot_file for 1 .. $runs;
done_testing;
