#!/usr/bin/perl
# slow
# courierlogger: what reaches the system's log, and a program's life below it.  The log is a socket of
# the test's own, put in place of /dev/log in a namespace of its own.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use IO::Socket::INET;
use IO::Socket::UNIX;
use Socket qw(SOCK_DGRAM);
use Test::More;
use Time::HiRes qw(sleep time);
use Courier::Test;

plan skip_all => 'needs root: a namespace of its own' if $> != 0;
my $t = Courier::Test->new(users => ['alice']);
my $dir = $t->scratch;
my $logger = Courier::Test::program('courierlogger');
mkdir "$dir/dev";
$t->file("../dev/null", '');
# everything else of the test runs in there
my @inside = ('unshare', '-m', '--propagation', 'private', 'sh', '-c',
	"mount --bind /dev/null $dir/dev/null && mount --bind $dir/dev /dev && exec \"\$@\"", 'sh');
plan skip_all => 'no namespaces here' if system(@inside, 'true') != 0;
my $log = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => "$dir/dev/log") or die "socket: $!";
chmod 0666, "$dir/dev/log";
chmod 0755, $dir;
my @seen;
sub records {
	my ($seconds) = @_;
	my $bits = '';
	vec($bits, fileno $log, 1) = 1;
	while (select(my $b = $bits, undef, undef, $seconds // 0)) {
		defined recv($log, my $m, 65536, 0) or last;
		push @seen, $m =~ s/\0\z//r;
		$seconds = 0;
	}
	return @seen;
}
sub logged { my ($re) = @_; return $t->wait_for(10, sub { scalar grep {/$re/} records(0.05) }) }
sub run {
	my ($input, @args) = @_;
	my $pid = fork // die "fork: $!";
	if (!$pid) {
		open my $in, '>', "$dir/input" or die;
		print $in $input;
		close $in;
		open STDIN, '<', "$dir/input";
		open STDERR, '>', "$dir/said";
		alarm 40;
		exec @inside, @args;
	}
	waitpid $pid, 0;
	return $? >> 8;
}
sub said { open my $fh, '<', "$dir/said" or return ''; local $/; return scalar <$fh> // '' }
sub slurp { my ($f) = @_; open my $fh, '<', $f or return ''; local $/; return scalar <$fh> // '' }

# ---- standard input
is(run("one\ntwo\r\n\nlast without end", $logger, '-name=me myself', '-facility=local3'), 0, 'MTA-0743: reads its input to the end');
my $pri = (19 << 3) + 6;
ok(logged(qr/^<$pri>.* me myself(\[\d+\])?: one$/), 'MTA-0743: -name and -facility');
ok(logged(qr/: two$/), 'a line end of CRLF');
ok(logged(qr/: last without end$/), 'MTA-0743: what stands without a line end at the end');
@seen = ();
run("nice\e[2J\x01 text\n" . 'x' x 5000 . "\nafter\n", $logger, 'just-a-name');
ok(logged(qr/ just-a-name\[\d+\]: nice\?\[2J\? text$/), 'MTA-0743, MTA-0724: one word is the name; control bytes stay out of the log');
ok(logged(qr/: after$/), 'MTA-0743: long lines are cut, the next one is whole');
is((() = join('', map {/: (x+)$/} records()) =~ /x/g), 5000, 'MTA-0743: and nothing of them is lost');
is(run('', $logger, '-facility=nosuch'), 1, 'MTA-0743: an unknown facility');
like(said(), qr/'nosuch': there is no such facility/, 'is said');
for my $bad (['-start', 'true'], ['-stop'], ['-restart'], ['-nosuch'], ['-respawn'], ['-user=no such', 'true', 'x']) {
	is(run('', $logger, @$bad), 1, "MTA-0743: refused: @$bad");
	like(said(), qr/^courierlogger: /, 'and why');
}

# ---- a program
@seen = ();
is(run('', $logger, '-name=prog', 'sh', '-c', 'echo out >/dev/null; echo complaint >&2; exit 3'), 3, 'MTA-0743: a program; its exit status comes back');
ok(logged(qr/ prog\[\d+\]: complaint$/), 'MTA-0743: its standard error is the log');
# grandchildren that hold the pipe do not hold us
my $before = time;
run('', $logger, '-name=prog', 'sh', '-c', 'sleep 20 & echo gone >&2');
cmp_ok(time - $before, '<', 15, 'a grandchild with the pipe holds nobody');
system "pkill -P 1 -x sleep -f '^sleep 20\$' 2>/dev/null";

my $pid = "$dir/prog.pid";
$t->script("$dir/daemon", qq(trap 'echo hup >&2' HUP\ntrap 'echo term >&2; exit 0' TERM\necho begun \$\$ >&2\nid -u >"$dir/uid"\nwhile :; do sleep 0.1; done\n));
@seen = ();
is(run('', $logger, "-pid=$pid", '-name=d', "$dir/daemon"), 0, 'MTA-0743: -pid alone starts in the background');
ok(logged(qr/ d: begun \d+$/), 'the program runs');
my $number = slurp($pid);
like($number, qr/^\d+\n\z/, 'MTA-0743: the pid file');
is(run('', $logger, "-pid=$pid", '-start', "$dir/daemon"), 0, 'MTA-0743: a second start ends quietly');
is(said(), '', 'quietly');
is(slurp($pid), $number, 'and the first stays');
is(run('', $logger, "-pid=$pid", '-restart'), 0, 'MTA-0743: -restart');
ok(logged(qr/ d: hup$/), 'MTA-0743: SIGHUP goes on to the program');
is(run('', $logger, "-pid=$pid", '-stop'), 0, 'MTA-0743: -stop');
ok(logged(qr/ d: term$/), 'MTA-0743: SIGTERM goes on to the program');
ok($t->wait_for(20, sub { slurp("/proc/@{[0 + $number]}/stat") !~ /\) [^ZX]/ }), 'and both are gone when -stop returns');
is(run('', $logger, "-pid=$pid", '-stop'), 0, 'nothing to stop is no fault');

# ---- standard input with a pid file
pipe(my $from, my $into) or die;
my $reader = fork // die;
if (!$reader) {
	close $into;
	open STDIN, '<&', $from;
	exec @inside, $logger, "-pid=$pid", '-name=in';
}
close $from;
syswrite $into, "first\n";
ok(logged(qr/ in(\[\d+\])?: first$/), 'MTA-0743: standard input with a pid file');
is(run('', $logger, "-pid=$pid", '-stop'), 0, 'MTA-0743: -stop ends that one, too');
waitpid $reader, 0;
is($? & 127, 15, 'MTA-0743: by SIGTERM');
close $into;

# ---- one that does not want to end
$t->script("$dir/daemon", qq(trap '' TERM\necho stubborn >&2\nwhile :; do sleep 0.1; done\n));
run('', $logger, "-pid=$pid", '-name=d', "$dir/daemon");
ok(logged(qr/stubborn/), 'one that ignores SIGTERM');
$before = time;
is(run('', $logger, "-pid=$pid", '-stop'), 0, 'MTA-0743: is stopped, too');
cmp_ok(time - $before, '>', 6, 'MTA-0743: by SIGKILL after eight seconds');

# ---- -respawn
@seen = ();
$t->script("$dir/daemon", qq(echo again >&2\nexit 1\n));
run('', $logger, "-pid=$pid", '-respawn', '-name=r', "$dir/daemon");
ok($t->wait_for(10, sub { (grep {/ r: again$/} records(0.05)) >= 2 }), 'MTA-0743: -respawn');
cmp_ok(scalar(grep {/ r: again$/} records()), '<', 6, 'with pauses in between');
is(run('', $logger, "-pid=$pid", '-stop'), 0, 'stopped in a pause');

# ---- rights
my ($uid) = (getpwnam 'nobody')[2];
chmod 0777, $dir;
for my $drop (0, 1) {
	unlink "$dir/uid";
	$t->script("$dir/daemon", qq(id -u >"$dir/uid"\nwhile :; do sleep 0.1; done\n));
	run('', $logger, "-pid=$pid", '-user=nobody', $drop ? '-droproot' : (), "$dir/daemon");
	ok($t->wait_for(20, sub { slurp("$dir/uid") =~ /^\d+$/ }), 'the program runs');
	is(0 + slurp("$dir/uid"), $drop ? $uid : 0, 'MTA-0743: ' . ($drop ? '-droproot: the program has no rights' : 'the program keeps its rights'));
	my $p = 0 + slurp($pid);
	like(slurp("/proc/$p/status"), qr/^Uid:\s+$uid\s+$uid\s+$uid\s+$uid$/m, 'MTA-0743: -user: the logger has none');
	system 'pkill', '-TERM', '-P', $p;
	$t->wait_for(20, sub { slurp("/proc/$p/stat") !~ /\) [^ZX]/ }) or run('', $logger, "-pid=$pid", '-stop');
}

# ---- couriertcpd in the background writes there, too
my $port = Courier::Test::free_port();
@seen = ();
run('', Courier::Test::program('couriertcpd'), "-pid=$pid", '-nodnslookup', '-maxprocs=3', '-warn=1', "-stderrlogger=$logger", $port, 'sh', '-c', 'echo complains >&2; read x');
my @held = map {IO::Socket::INET->new("127.0.0.1:$port")} 1 .. 3;
ok(logged(qr/^<20>.*couriertcpd.*2 connections, of 3/), 'MTA-0716: LOG_WARNING above -warn');
ok(logged(qr/^<17>.*couriertcpd.*3 connections, as many as may be/), 'MTA-0716: LOG_ALERT at the maximum');
ok(logged(qr/^<22>.* sh\[\d+\]: complains/), 'MTA-0724: with courierlogger as the logger');
run('', Courier::Test::program('couriertcpd'), "-pid=$pid", '-stop');
done_testing;
