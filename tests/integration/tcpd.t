#!/usr/bin/perl
# couriertcpd: its options one after the other, with clients that come in crowds, never speak or lie.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use IO::Socket::INET;
use IO::Socket::IP;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);
use Courier::Test;
my $dns;
if (eval { require Net::DNS; 1 }) {
	require Courier::FakeDNS;
	$dns = Courier::FakeDNS->new(
		'6.0.0.127.in-addr.arpa PTR' => ['good.example.'], 'good.example A' => ['127.0.0.6'],
		'2.0.0.127.in-addr.arpa PTR' => ['liar.example.'], 'liar.example A' => ['127.9.9.9'],
		'3.0.0.127.bl.example A' => ['127.0.0.2'], '3.0.0.127.bl.example TXT' => ['"go away, spammer"'],
		'4.0.0.127.bl.example A' => ['127.0.0.4'],
		'3.0.0.127.wl.example A' => ['127.0.0.9'], '5.0.0.127.bl.example A' => ['8.8.8.8']);
}

my $t = Courier::Test->new(users => ['alice']);
my $tcpd = Courier::Test::program('couriertcpd');
my $dir = $t->scratch;
my $root = $> == 0;
$t->file('etc/resolver', $dns->resolver) if $dns;
$ENV{COURIER_HOME} = $t->path('');
$t->script("$dir/show", qq(echo "ARGS \$*"\nenv | grep -E '^(TCP|BLOCK|X|RELAY|SIZE)' | sort\nid -u\necho END\nread x\necho "to stderr \$\$" >&2\n));
$t->script("$dir/logger", qq(echo "started \$1" >>"$dir/logged"\nexec cat >>"$dir/logged"\n));
my @pids;
END { local $?; kill 'TERM', @pids if @pids; system $tcpd, "-pid=$dir/tcpd.pid", '-stop' if $dir && -e "$dir/tcpd.pid" }

sub slurp { my ($f) = @_; open my $fh, '<', $f or return ''; local $/; return scalar <$fh> // '' }
sub run {
	my @args = @_;
	my $pid = open my $fh, '-|';
	defined $pid or die "fork: $!";
	if (!$pid) {
		open STDERR, '>&', \*STDOUT;
		alarm 30;
		exec $tcpd, @args or exit 127;
	}
	local $/;
	my $out = <$fh> // '';
	close $fh;
	return ($? >> 8, $out);
}
# In the foreground; waits until the port answers.
sub serve {
	my ($port, @args) = @_;
	my $pid = fork // die "fork: $!";
	if (!$pid) {
		open STDERR, '>>', "$dir/errors";
		exec $tcpd, @args or exit 127;
	}
	push @pids, $pid;
	my $listening = sprintf ':%04X [0:]+ 0A', $port;
	$t->wait_for(10, sub { join('', map {slurp("/proc/net/$_")} 'tcp6', 'tcp') =~ $listening })
	    or diag "nobody listens on $port: " . slurp("$dir/errors");
	return $pid;
}
sub done { my ($pid) = @_; kill 'TERM', $pid; waitpid $pid, 0; @pids = grep {$_ != $pid} @pids; return $? }
sub dial {
	my ($port, $from, $to) = @_;
	return IO::Socket::IP->new(PeerHost => $to // '127.0.0.1', PeerPort => $port, LocalHost => $from, Timeout => 10);
}
# Everything up to END, the end of the connection, or three seconds of silence: then undef is the last.
sub hear {
	my ($s, $seconds) = @_;
	my $text = '';
	return 'no connection' if !$s;
	my $until = time + ($seconds // 10);
	while ((my $left = $until - time) > 0) {
		my $bits = '';
		vec($bits, fileno $s, 1) = 1;
		select($bits, undef, undef, $left) or last;
		my $n = sysread $s, $text, 4096, length $text;
		return "$text<closed>" if !$n;
		return $text if $text =~ /^END$/m;
	}
	return "$text<silent>";
}

# ---- words
my ($rc, $out) = run();
is($rc, 1, 'MTA-0706: without arguments it says what it wants and ends with 1');
like($out, qr/usage: couriertcpd/, 'MTA-0706: usage');
for my $bad (['-nosuch', 1, 'true'], ['-maxprocs=x', 1, 'true'], ['-listen', 1, 'true'], ['-accesslocal=x', 1, 'true'],
	['12x', 'true'], ['1.2.3.4.5.6', 'true'], ['', 'true'], ['70000', 'true'], ['-address=foo', 25, 'true'],
	['-user=no such user', 25, 'true'], ['-block=..', 25, 'true'], ['-stop'], ['-restart'], ["-access=$dir/none", Courier::Test::free_port(), 'true'])
{
	($rc, $out) = run(@$bad);
	is($rc, 1, "MTA-0706: refused: @$bad");
	like($out, qr/^(couriertcpd: |usage|\d{4}-)/, 'and why');
}
($rc, $out) = run("-pid=$dir/none.pid", '-stop');
is($rc, 0, 'MTA-0722: nothing to stop is no fault');
ok(!-e "$dir/none.pid.lock", 'and leaves nothing');

# ---- what the program sees
my ($p1, $p2) = (Courier::Test::free_port(), Courier::Test::free_port());
my $pid = serve($p1, '-nodnslookup', '-noidentlookup', '-listen=7', '-stderr=socket', "$p1,127.0.0.1.$p2", "$dir/show", 'a b', 'c');
my $s = dial($p1);
my $text = hear($s);
like($text, qr/^ARGS a b c$/m, 'MTA-0706: arguments arrive');
like($text, qr/^TCPREMOTEIP=::ffff:127\.0\.0\.1\nTCPREMOTEPORT=@{[$s->sockport]}$/m, 'MTA-0732: whence');
like($text, qr/^TCPLOCALIP=::ffff:127\.0\.0\.1\nTCPLOCALPORT=$p1$/m, 'MTA-0732: and where to');
unlike($text, qr/TCPREMOTEHOST|TCPLOCALHOST|TCPREMOTEINFO/, 'MTA-0717, MTA-0718, MTA-0734: no names, no IDENT');
print $s "\n";
like(hear($s), qr/^to stderr \d+\n<closed>/, 'MTA-0723: -stderr=socket');
like(hear(dial($p2)), qr/^TCPLOCALPORT=$p2$/m, 'MTA-0725: several ports, one with its address');
ok(!dial($p2, undef, '127.0.0.2'), 'MTA-0725: that one is bound to its address alone');
like(hear(dial($p1, undef, '127.0.0.2')), qr/^TCPLOCALIP=::ffff:127\.0\.0\.2$/m, 'MTA-0725: the other one to all');
SKIP: {
	my $ss = `ss -ltnH "sport = :$p1" 2>/dev/null` or skip 'ss is missing', 1;
	like($ss, qr/^LISTEN\s+\d+\s+7\s/m, 'MTA-0714: -listen');
}
SKIP: {
	my $six = dial($p1, undef, '::1') or skip 'no IPv6 here', 1;
	like(hear($six), qr/^TCPREMOTEIP=::1$/m, 'MTA-0725, MTA-0732: a wildcard is for IPv6, too');
}
is(done($pid), 0, 'ends on SIGTERM');

# ---- limits
$pid = serve($p1, '-nodnslookup', '-maxprocs=6', '-maxperc=4', '-maxperip=2', '-warn=3', "-address=127.0.0.1", $p1, "$dir/show");
my @held = map {dial($p1)} 1 .. 2;
like(hear($_), qr/END/, 'MTA-0709, MTA-0715: in') for @held;
is(hear(dial($p1)), '<closed>', 'MTA-0715: -maxperip closes the third of an address');
push @held, map {dial($p1, "127.0.0.$_")} 2, 3;
like(hear($_), qr/END/, 'MTA-0715: others come in') for @held[2, 3];
is(hear(dial($p1, '127.0.0.4')), '<closed>', 'MTA-0715: -maxperc closes the fifth of a class C');
push @held, map {dial($p1, "127.0.$_.1")} 1, 2;
like(hear($_), qr/END/, 'MTA-0715: another network') for @held[4, 5];
my $waits = dial($p1, '127.0.3.1');
is(hear($waits, 1), '<silent>', 'MTA-0715: above -maxprocs a connection waits');
like(slurp("$dir/errors"), qr/4 connections, of 6.*-maxprocs/, 'MTA-0716: a warning above -warn');
like(slurp("$dir/errors"), qr/6 connections, as many as may be/, 'MTA-0716: and an alarm at the maximum');
print {$held[0]} "\n";
like(hear($waits), qr/END/, 'MTA-0715: until one ends');
done($pid);
undef @held;
$pid = serve($p1, '-nodnslookup', $p1, "$dir/show");
@held = map {dial($p1)} 1 .. 4;
like(hear($held[3]), qr/END/, 'MTA-0715: four of an address unless told');
is(hear(dial($p1)), '<closed>', 'and no fifth');
done($pid);
undef @held;

# ---- the access file
$t->file('etc/smtpaccess/default', "127.0.0.2\tdeny\n127.0.0\tallow,XNET\n127.0.0.3\tallow,XONE=1,XTWO=\"a, b\",MAXCPERIP=1\n*\tallow,XALL\n:0000:0000:0000:0000:0000:0000:0000:0001\tallow,XSIX\n");
is($t->command('makesmtpaccess'), '', 'MTA-0704: the access file is made');
my $dat = $t->path('etc/smtpaccess.dat');
$ENV{TCPREMOTEHOST} = 'left.over';
$pid = serve($p1, '-nodnslookup', "-access=$dat", '-denymsg=550 not you', $p1, "$dir/show");
delete $ENV{TCPREMOTEHOST};
is(hear(dial($p1, '127.0.0.2')), "550 not you\r\n<closed>", 'MTA-0707, MTA-0711, MTA-0727, MTA-0729: denied, and told so');
$text = hear(dial($p1));
like($text, qr/^XNET=$/m, 'MTA-0728, MTA-0729: a block sets a variable');
unlike($text, qr/XALL|XONE|left.over/, 'MTA-0727: of one entry alone; and nothing left of another connection');
my $three = dial($p1, '127.0.0.3');
$text = hear($three);
like($text, qr/^XONE=1\nXTWO=a, b$/m, 'MTA-0729: values');
unlike($text, qr/XNET/, 'MTA-0727: the most specific entry');
is(hear(dial($p1, '127.0.0.3')), '<closed>', 'MTA-0730: MAXCPERIP stands above -maxperip');
like(hear(dial($p1, '127.1.1.1')), qr/^XALL=$/m, 'MTA-0728: the default entry');
SKIP: {
	my $six = dial($p1, undef, '::1') or skip 'no IPv6 here', 1;
	like(hear($six), qr/^XSIX=$/m, 'MTA-0728: an IPv6 entry');
}
$t->file('etc/smtpaccess/default', "127.0.0.2\tallow,XNEW\n");
$t->command('makesmtpaccess');
kill 'HUP', $pid;
ok($t->wait_for(10, sub { hear(dial($p1, '127.0.0.2')) =~ /^XNEW=$/m }), 'MTA-0721, MTA-0744: a new table after SIGHUP');
print $three "\n";
like(hear($three), qr/closed/, 'MTA-0744: the session that was there goes on to its end');
unlike(hear(dial($p1, '127.0.0.9')), qr/^X/m, 'MTA-0731: who is not listed is let in');
done($pid);

# ---- this end of the connection
$t->file('etc/smtpaccess/default', "127.0.0.1.$p1\tallow,XPORT=exact\n*.$p2\tallow,XPORT=any,XTWO=2\n127.0.0.5\tallow,XPORT=client\n");
is($t->command('makesmtpaccess'), '', 'entries of local ports');
$pid = serve($p2, '-nodnslookup', "-access=$dat", '-accesslocal', "$p1,$p2", "$dir/show");
like(hear(dial($p1)), qr/^XPORT=exact$/m, 'MTA-0708: address and port');
unlike(hear(dial($p1, undef, '127.0.0.2')), qr/^X/m, 'MTA-0708: another address');
like(hear(dial($p2)), qr/^XPORT=any\nXTWO=2$/m, 'MTA-0708: a port of any address');
like(hear(dial($p2, '127.0.0.5')), qr/^XPORT=client\nXTWO=2$/m, 'MTA-0708: the client stands above');
done($pid);
$t->file('etc/smtpaccess/default', "127.0.0.2\tallow,XNEW\n");
$t->command('makesmtpaccess');

# ---- the background
my $pidfile = "$dir/tcpd.pid";
my @daemon = ("-pid=$pidfile", '-nodnslookup', "-access=$dat", "-stderrlogger=$dir/logger", $p1, "$dir/show");
is((run(@daemon))[0], 0, 'MTA-0720: goes into the background');
my $number = slurp($pidfile);
like($number, qr/^\d+\n\z/, 'MTA-0720: its number');
is((run(@daemon))[0], 0, 'MTA-0720: a second one ends at once');
is(slurp($pidfile), $number, 'and leaves the first alone');
$s = dial($p1);
hear($s);
print $s "\n";
hear($s);
ok($t->wait_for(20, sub { slurp("$dir/logged") =~ /^started \Q$dir\E\/show\nto stderr \d+\n/ }), 'MTA-0724: the logger gets what the program says, and its name');
for my $who (1 .. 2) {
	$s = dial($p1);
	hear($s);
	print $s "\n";
	hear($s);
}
is(scalar(() = slurp("$dir/logged") =~ /^started/mg), 1, 'MTA-0724: one logger for all');
system "pkill -P @{[0 + $number]} -x cat";
ok($t->wait_for(20, sub { (() = slurp("$dir/logged") =~ /^started/mg) == 2 }), 'MTA-0724: a logger that dies is started again');
$t->file('etc/smtpaccess/default', "127.0.0.1\tallow,XRESTART\n");
$t->command('makesmtpaccess');
$s = dial($p1);
hear($s);
is((run("-pid=$pidfile", '-restart'))[0], 0, 'MTA-0721: -restart');
ok($t->wait_for(10, sub { hear(dial($p1)) =~ /XRESTART/ }), 'MTA-0721: reads the access file again');
is((run("-pid=$pidfile", '-stop'))[0], 0, 'MTA-0722: -stop');
ok(!dial($p1), 'MTA-0722: has ended when -stop returns');
like(hear($s), qr/closed/, 'MTA-0722: its programs got SIGTERM');
is((run("-pid=$pidfile", '-stop'))[0], 0, 'MTA-0722: again is no fault');
# an old number is somebody else's now: never signalled
my $stranger = fork // die;
if (!$stranger) { sleep 30; exit 0 }
open my $fh, '>', $pidfile;
print $fh "$stranger\n";
close $fh;
is((run("-pid=$pidfile", '-stop'))[0], 0, 'MTA-0722: -stop with an old number');
is(waitpid($stranger, POSIX::WNOHANG()), 0, 'MTA-0722: hits no stranger');
kill 'KILL', $stranger;
waitpid $stranger, 0;
is((run("-pid=$pidfile", '-stderrlogger=' . "$dir/logger", '-stderrloggername=my name', '-nodnslookup', $p1, "$dir/show"))[0], 0, 'starts beside an old number');
ok($t->wait_for(20, sub { slurp("$dir/logged") =~ /^started my name$/m }), 'MTA-0724: -stderrloggername');
kill 'KILL', slurp($pidfile);
ok($t->wait_for(20, sub { !dial($p1) }), 'killed');
is((run("-pid=$pidfile", "-stderr=$dir/log file", '-nodnslookup', $p1, "$dir/show"))[0], 0, 'MTA-0720: starts again after kill -9');
$s = dial($p1);
hear($s);
print $s "\n";
ok($t->wait_for(20, sub { slurp("$dir/log file") =~ /^to stderr/ }), 'MTA-0723: -stderr=FILE');
run("-pid=$pidfile", '-stop');

# ---- rights
SKIP: {
	skip 'not root', 3 if !$root;
	chmod 0755, $dir;
	my ($uid, $gid) = (getpwnam 'nobody')[2, 3];
	$pid = serve($p1, '-nodnslookup', '-user=nobody', $p1, "$dir/show");
	like(hear(dial($p1)), qr/^$uid$/m, 'MTA-0713: -user');
	like(slurp("/proc/$pid/status"), qr/^Uid:\s+$uid\s+$uid\s+$uid\s+$uid\nGid:\s+$gid\s+$gid\s+$gid\s+$gid$/m, 'MTA-0713: with its group');
	done($pid);
	$pid = serve($p1, '-nodnslookup', '-group=daemon', $p1, "$dir/show");
	my $daemon = getgrnam 'daemon';
	like(slurp("/proc/$pid/status"), qr/^Gid:\s+$daemon\s.*^Groups:\s+$daemon\s*$/ms, 'MTA-0713: -group');
	done($pid);
}

# ---- an address that is not there yet
$pid = serve($p1, '-nodnslookup', "192.0.2.77.$p2,$p1", "$dir/show");
my $hex = sprintf '%04X', $p2;
ok($t->wait_for(20, sub { slurp('/proc/net/tcp') =~ /^\s*\d+: 4D0200C0:$hex /m }), 'MTA-0726: listens on an address that this host does not have');
done($pid);

# ---- the PROXY header
$pid = serve($p1, '-nodnslookup', "-access=$dat", "-haproxy=2/port=$p1", "$p1,$p2", "$dir/show");
$s = dial($p1);
syswrite $s, "PROXY TCP4 192.0.";
sleep 0.2;
syswrite $s, "2.9 198.51.100.1 5555 25\r\nrest";
$text = hear($s);
like($text, qr/^TCPREMOTEINFO=PROXY ::ffff:127\.0\.0\.1\nTCPREMOTEIP=::ffff:192\.0\.2\.9\nTCPREMOTEPORT=5555$/m, 'MTA-0719, MTA-0734: the PROXY header tells the client');
like($text, qr/^TCPLOCALIP=::ffff:198\.51\.100\.1\nTCPLOCALPORT=25$/m, 'MTA-0719: and the address it wanted');
print $s "\n";
like(hear($s), qr/closed/, 'what comes behind it is the program\'s');
$s = dial($p1);
my $before = time;
is(hear($s), '<closed>', 'MTA-0719: silence ends');
cmp_ok(time - $before, '>', 1, 'MTA-0719: after its time, not before');
for my $lie ("EHLO me\r\n", "PROXY TCP4 1.2.3.4\r\n", "PROXY " . 'x' x 200, "\0" x 300, "\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff" . 'x' x 5000) {
	$s = dial($p1);
	syswrite $s, $lie;
	like(hear($s), qr/^<(closed)>$/, 'MTA-0719: no header, no session');
}
$s = dial($p1);
syswrite $s, "PROXY TC";
shutdown $s, 1;
is(hear($s, 1.5), '<closed>', 'MTA-0719: half a header and the end');
like(hear(dial($p2)), qr/^TCPREMOTEIP=::ffff:127\.0\.0\.1$/m, 'MTA-0719: other ports have none');
done($pid);

# ---- the DNS
SKIP: {
	skip 'Net::DNS is missing', 12 if !$dns;
	$pid = serve($p1, '-block=bl.example', '-block=bl.example,XCOPY/127.0.0.4,custom', $p1, "$dir/show");
	$text = hear(dial($p1, '127.0.0.6'));
	like($text, qr/^TCPREMOTEHOST=good\.example$/m, 'MTA-0733: a name that leads back');
	like($text, qr/^TCPLOCALHOST=localhost$/m, 'MTA-0733: ours, too');
	unlike($text, qr/BLOCK/, 'MTA-0735: not listed');
	like(hear(dial($p1, '127.0.0.2')), qr/^TCPREMOTEHOST=softdnserr$/m, 'MTA-0733: a name that does not');
	$text = hear(dial($p1, '127.0.0.3'));
	unlike($text, qr/TCPREMOTEHOST|XCOPY/, 'MTA-0733: no name');
	like($text, qr/^BLOCK=go away, spammer\nBLOCK_IP=127\.0\.0\.2\nBLOCK_TXT=go away, spammer\nBLOCK_ZONE=bl\.example$/m, 'MTA-0710, MTA-0735, MTA-0736: a hit and its text');
	$text = hear(dial($p1, '127.0.0.4'));
	like($text, qr/^BLOCK=.*bl\.example$/m, 'MTA-0710: a text of our own');
	like($text, qr/^XCOPY=custom$/m, 'MTA-0710: variable, value and text');
	unlike(hear(dial($p1, '127.0.0.5')), qr/^BLOCK/m, 'MTA-0741: an answer outside of 127.0.0.0/8 is none');
	done($pid);
	$pid = serve($p1, '-nodnslookup', '-allow=wl.example=shown', '-block=bl.example', '-drop', $p1, "$dir/show");
	$text = hear(dial($p1, '127.0.0.3'));
	like($text, qr/^BLOCK=\nBLOCK_IP=127\.0\.0\.9\nBLOCK_ZONE=shown$/m, 'MTA-0710, MTA-0736: -allow in front of -block');
	is(hear(dial($p1, '127.0.0.4')), '<closed>', 'MTA-0712: -drop');
	like(hear(dial($p1)), qr/END/, 'others stay');
	done($pid);
}

# ---- no descriptors, and clients that only open connections
$pid = serve($p1, '-nodnslookup', '-maxprocs=200', '-maxperip=200', '-haproxy=4', $p1, "$dir/show");
system "prlimit --pid $pid --nofile=30";
@held = map {dial($p1)} 1 .. 60;
sleep 0.5;
undef @held;
ok($t->wait_for(10, sub { my $c = dial($p1); syswrite $c, "PROXY UNKNOWN\r\n"; hear($c) =~ /END/ }), 'out of descriptors it goes on when there are some again');
is(done($pid), 0, 'and ends as it should');
done_testing;
