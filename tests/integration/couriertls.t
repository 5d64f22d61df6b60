#!/usr/bin/perl
# slow
# couriertls: as a client and as a server, with openssl on the other side; its descriptors, what it
# tells of the peer, and peers that lie, break off or say nothing.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Fcntl;
use IO::Socket::INET;
use IPC::Open3;
use POSIX ();
use Socket;
use Test::More;
use Time::HiRes qw(sleep time);
use Courier::Test;

my $t = Courier::Test->new(users => ['alice']);
my $dir = $t->scratch;
my $tls = Courier::Test::program('couriertls');
my $tcpd = Courier::Test::program('couriertcpd');
my @pids;
END { local $?; kill 'TERM', @pids if @pids }
delete @ENV{grep {/^TLS_/} keys %ENV};
sub slurp { my ($f) = @_; open my $fh, '<', $f or return ''; local $/; return scalar <$fh> // '' }
sub cert {
	my ($name, $subject, @more) = @_;
	system("openssl req -x509 -newkey rsa:2048 -nodes -subj '$subject' @more -keyout $dir/$name.key -out $dir/$name.crt -days 30 2>/dev/null; cat $dir/$name.key $dir/$name.crt >$dir/$name.pem; chmod 600 $dir/$name.key $dir/$name.pem");
}
cert('server', '/C=US/O=Acme Inc/CN=mail.example.test', '-addext', 'subjectAltName=DNS:mail.example.test,DNS:*.wild.test');
cert('client', "/O=Clients/OU=unit/CN=alice\\, \"the\" first");
cert('other', '/CN=other');
sub background {
	my ($port, @args) = @_;
	my $pid = fork // die "fork: $!";
	if (!$pid) {
		open STDIN, '<', '/dev/null';
		open STDOUT, '>>', "$dir/output";
		open STDERR, '>>', "$dir/errors";
		exec @args or exit 127;
	}
	push @pids, $pid;
	$t->wait_for(10, sub { slurp('/proc/net/tcp') . slurp('/proc/net/tcp6') =~ sprintf(':%04X [0:]+ 0A', $port) && (slurp('/proc/net/tcp') . slurp('/proc/net/tcp6')) =~ sprintf(':%04X [0:]+ 0A', $port) });
	return $pid;
}
# Status and all output; input is closed after `stay` seconds, or when output matches it.
sub run {
	my ($input, $stay, @args) = @_;
	my $pid = open3(my $in, my $out, undef, @args);
	local $SIG{ALRM} = sub { kill 'KILL', $pid };
	local $SIG{PIPE} = 'IGNORE';
	alarm 40;
	$in->autoflush(1);
	print $in $input;
	my $text = '';
	if (ref $stay) { # until that has come
		1 while $text !~ $stay && sysread $out, $text, 4096, length $text;
	} else {
		sleep $stay if $stay;
	}
	close $in;
	$text .= do { local $/; <$out> } // '';
	waitpid $pid, 0;
	alarm 0;
	return ($? & 127 ? 1000 + ($? & 127) : $? >> 8, $text);
}

# ---- words
for my $bad ([], ['-server'], ['-host=x'], ['-nosuch'], ['-host=127.0.0.1', '-port=1', '-protocol=ftp'], ['-tcpd'], ['-remotefd=77'],
	['-host=127.0.0.1', '-port=1'], ['-host=127.0.0.1', '-port=25', '-remotefd=0'], ['-remotefd=x'], ['-remotefd=0', '-user=no such'])
{
	my ($rc, $out) = run('', 0, $tls, @$bad);
	is($rc, 1, "MTA-2801: refused: @$bad");
	like($out, qr/^couriertls: \S/m, 'and why');
}

# ---- a client
my $port = Courier::Test::free_port();
background($port, 'openssl', 's_server', '-accept', $port, '-cert', "$dir/server.crt", '-key', "$dir/server.key", '-rev', '-quiet');
my @to = ('-host=127.0.0.1', "-port=$port");
my ($rc, $out) = run("abc\n", 1, $tls, @to);
is($rc, 1, 'MTA-2801: a client that trusts nobody does not go on');
like($out, qr/certificate is not trusted/, 'MTA-2801: and says so');
$ENV{TLS_VERIFYPEER} = 'NONE';
($rc, $out) = run("abc\n", 1, $tls, @to);
is($rc, 0, 'MTA-2802: -host and -port');
is($out, "cba\n", 'MTA-2801, MTA-2802: its own input and output');
($rc, $out) = run('', 0, $tls, @to, '-printx509=1', 'sh', '-c', 'echo hello; read x; echo "got $x" >&2; env | grep ^TLS_CONN >&2; exit 7');
is($rc, 7, 'MTA-2801: a program; its status comes back');
like($out, qr/^got olleh$/m, 'MTA-2801: its input and output are the connection');
like($out, qr/^TLS_CONNECTED_PROTOCOL=TLSv1\.3,256bits,TLS_AES_256_GCM_SHA384$/m, 'MTA-2810: what was agreed on');
like($out, qr/^Subject:\n   c=US\n   o=Acme Inc\n   cn=mail\.example\.test\n\nNot-Before: \d{4}-\d\d-\d\d [\d:]+\nNot-After: .*\nVersion: TLSv1\.3\nBits: 256\nCipher: /m, 'MTA-2803: -printx509');
$ENV{TLS_SUBJECT_CN} = 'forged';
($rc, $out) = run('', 0, $tls, @to, 'sh', '-c', 'env | grep ^TLS_SUBJECT >&2; echo end >&2');
unlike($out, qr/TLS_SUBJECT/, 'MTA-2809: an unverified subject is not told, nor an old one');
delete $ENV{TLS_VERIFYPEER};
$ENV{TLS_TRUSTCERTS} = "$dir/server.crt";
($rc, $out) = run('', 0, $tls, @to, '-verify=mail.example.test', 'sh', '-c', 'env | grep ^TLS_SUBJECT | sort >&2');
is($rc, 0, 'MTA-2806: -verify, the right name');
is($out, "TLS_SUBJECT_C=US\nTLS_SUBJECT_CN=mail.example.test\nTLS_SUBJECT_O=Acme Inc\n", 'MTA-2809: the subject of a verified peer');
delete $ENV{TLS_SUBJECT_CN};
is((run('', 0, $tls, @to, '-verify=a.wild.test', 'true'))[0], 0, 'MTA-2806: a wildcard');
($rc, $out) = run('', 0, $tls, @to, '-verify=other.test', 'echo', 'ran');
is($rc, 1, 'MTA-2806: another name');
unlike($out, qr/^ran/, 'MTA-2806: nothing is run');
like($out, qr/mismatch/i, 'MTA-2806: and why');
$ENV{TLS_VERIFYPEER} = 'NONE';
is((run('', 0, $tls, @to, '-verify=other.test', 'true'))[0], 1, 'MTA-2806: -verify stands above TLS_VERIFYPEER');
delete $ENV{TLS_VERIFYPEER};
# a folder of authorities
mkdir "$dir/trust";
system("cp $dir/server.crt $dir/trust/ && openssl rehash $dir/trust");
{
	local $ENV{TLS_TRUSTCERTS} = "$dir/trust";
	is((run('', 0, $tls, @to, 'true'))[0], 0, 'a hashed folder of authorities');
	local $ENV{TLS_PROTOCOL} = 'TLSv1.3';
	is((run('', 0, $tls, @to, 'true'))[0], 0, 'MTA-2808: TLSv1.3');
	for my $bad (['TLS_PROTOCOL', 'TLSv9'], ['TLS_TRUSTCERTS', "$dir/none"], ['TLS_CIPHER_LIST', 'NOSUCH'], ['TLS_VERIFYPEER', 'MAYBE'], ['TLS_CERTFILE', "$dir/none"]) {
		local $ENV{$bad->[0]} = $bad->[1];
		($rc, $out) = run('', 0, $tls, @to, 'true');
		is($rc, 1, "MTA-2808: refused: $bad->[0]=$bad->[1]");
		like($out, qr/^couriertls: $bad->[0]='\Q$bad->[1]\E': \S/, 'and why');
	}
}

# ---- descriptors: network, clear side, status
sub with_fds {
	my ($remote, $local, $status, @args) = @_;
	my $pid = fork // die "fork: $!";
	return $pid if $pid;
	my $fd = 3;
	for my $h ($remote, $local, $status) {
		my $high = fcntl($h, 1030, 20); # F_DUPFD_CLOEXEC
		POSIX::dup2($high, $fd++);
	}
	open STDERR, '>', "$dir/fds.err";
	exec $tls, '-remotefd=3', '-localfd=4', '-statusfd=5', @args;
}
my $net = IO::Socket::INET->new("127.0.0.1:$port");
socketpair(my $mine, my $theirs, AF_UNIX, SOCK_STREAM, 0) or die;
pipe(my $told, my $tell) or die;
my $pid = with_fds($net, $theirs, $tell, '-verify=mail.example.test');
close $_ for $net, $theirs, $tell;
is(do { local $/; my $x = <$told>; $x // '' }, '', 'MTA-2803: -statusfd: the end alone when all is well');
syswrite $mine, "live\n";
sysread $mine, my $answer, 100;
is($answer, "evil\n", 'MTA-2803: -localfd and -remotefd');
close $mine;
waitpid $pid, 0;
is($?, 0, 'MTA-2803: ends with its clear side');
$net = IO::Socket::INET->new("127.0.0.1:$port");
socketpair($mine, $theirs, AF_UNIX, SOCK_STREAM, 0) or die;
pipe($told, $tell) or die;
$pid = with_fds($net, $theirs, $tell, '-verify=wrong.test');
close $_ for $net, $theirs, $tell;
like(do { local $/; my $x = <$told>; $x // '' }, qr/\Acouriertls: [^\n]*mismatch[^\n]*\n\z/i, 'MTA-2803: -statusfd: one line when it is not');
waitpid $pid, 0;
is($? >> 8, 1, 'and the end');

# ---- a server, under couriertcpd
$t->script("$dir/serve", qq(env | grep ^TLS_ | grep -v FILE | sort\necho READY\ncat >"$dir/got.\$\$"\nmv "$dir/got.\$\$" "$dir/got"\n));
my @server = ('-nodnslookup', '-maxperip=50');
my $sport = Courier::Test::free_port();
{
	local $ENV{TLS_CERTFILE} = "$dir/server.pem";
	local $ENV{TLS_TRUSTCERTS} = "$dir/client.crt";
	local $ENV{TLS_VERIFYPEER} = 'PEER';
	local $ENV{TLS_PROTOCOL} = 'TLSv1.2++';
	$pid = background($sport, $tcpd, @server, $sport, $tls, '-server', '-tcpd', "$dir/serve");
}
my @s_client = ('openssl', 's_client', '-quiet', '-no_ign_eof', '-connect', "127.0.0.1:$sport");
($rc, $out) = run("to the server\n", qr/READY/, @s_client);
like($out, qr/^TLS_CONNECTED_PROTOCOL=TLSv1\.3,.*READY/ms, 'MTA-2804, MTA-2810: a server for a program');
unlike($out, qr/TLS_SUBJECT/, 'MTA-2809: a client without a certificate');
ok($t->wait_for(20, sub { slurp("$dir/got") eq "to the server\n" }), 'MTA-2804: what the client says arrives, and its end');
($rc, $out) = run('', qr/READY/, @s_client, '-cert', "$dir/client.crt", '-key', "$dir/client.key");
like($out, qr/^TLS_SUBJECT_CN=alice, "the" first\nTLS_SUBJECT_O=Clients\nTLS_SUBJECT_OU=unit$/m, 'MTA-2809: a client that is known') or diag slurp("$dir/errors");
($rc, $out) = run('', qr/READY/, @s_client, '-cert', "$dir/other.crt", '-key', "$dir/other.key");
unlike($out, qr/READY/, 'MTA-2801: a certificate of a stranger ends it');
($rc, $out) = run('', qr/READY/, @s_client, '-tls1_2');
like($out, qr/READY/, 'MTA-2808: TLSv1.2++ takes TLS 1.2');
($rc, $out) = run('', qr/READY/, @s_client, '-tls1_1', '-cipher', 'DEFAULT@SECLEVEL=0');
unlike($out, qr/READY/, 'MTA-2808: but nothing older');
# much in both directions
my $much = join '', map {sprintf "%07d\n", $_} 1 .. 400000;
open my $fh, '>', "$dir/much";
print $fh $much;
close $fh;
unlink "$dir/got";
system("(cat $dir/much; sleep 1) | @s_client >/dev/null 2>&1");
ok($t->wait_for(10, sub { -s "$dir/got" && -s "$dir/got" == length $much }), 'three megabytes to the server');
ok(slurp("$dir/got") eq $much, 'unchanged');
# hostile: garbage, half a handshake, and ends in the middle
for my $garbage ("GET / HTTP/1.0\r\n\r\n", "\x16\x03\x01\xff\xff" . 'x' x 70000, "\x80\x2e\x01\x00\x02", "\0" x 1000) {
	my $s = IO::Socket::INET->new("127.0.0.1:$sport");
	local $SIG{PIPE} = 'IGNORE';
	syswrite $s, $garbage;
	shutdown $s, 1;
	ok(defined eval { local $SIG{ALRM} = sub { die "silent\n" }; alarm 10; 1 while sysread $s, my $x, 1000; alarm 0; 1 }, 'MTA-2804: garbage is answered by the end');
}
my @silent = map {IO::Socket::INET->new("127.0.0.1:$sport")} 1 .. 20;
($rc, $out) = run('', qr/READY/, @s_client);
like($out, qr/READY/, 'clients that say nothing delay nobody');
undef @silent;
ok($t->wait_for(10, sub { !grep {/\Q$tls\E -server/} `ps -o args= --ppid $pid` }), 'and nothing of all this stays') or diag `ps -o pid,args --ppid $pid`;
kill 'TERM', $pid;
waitpid $pid, 0;

# ---- REQUIREPEER, DH parameters, an unsafe key, an idle connection
$sport = Courier::Test::free_port();
@s_client = ('openssl', 's_client', '-quiet', '-no_ign_eof', '-connect', "127.0.0.1:$sport");
system("openssl genpkey -genparam -algorithm DH -pkeyopt group:ffdhe2048 -out $dir/dh.pem 2>/dev/null");
{
	local $ENV{TLS_CERTFILE} = "$dir/server.crt";
	local $ENV{TLS_PRIVATE_KEYFILE} = "$dir/server.key";
	local $ENV{TLS_TRUSTCERTS} = "$dir/client.crt";
	local $ENV{TLS_VERIFYPEER} = 'REQUIREPEER';
	local $ENV{TLS_DHCERTFILE} = "$dir/dh.pem";
	local $ENV{TLS_CIPHER_LIST} = 'DHE-RSA-AES256-GCM-SHA384';
	local $ENV{TLS_TIMEOUT} = 2;
	$pid = background($sport, $tcpd, @server, $sport, $tls, '-server', '-tcpd', "$dir/serve");
}
($rc, $out) = run('', qr/READY/, @s_client, '-tls1_2');
unlike($out, qr/READY/, 'MTA-2801: REQUIREPEER turns who has no certificate away');
($rc, $out) = run('', qr/READY/, @s_client, '-tls1_2', '-cert', "$dir/client.crt", '-key', "$dir/client.key");
like($out, qr/DHE-RSA-AES256-GCM-SHA384.*READY/s, 'MTA-2811: parameters of TLS_DHCERTFILE') or diag slurp("$dir/errors");
unlink "$dir/got";
open my $idle, '|-', "exec @s_client -cert $dir/client.crt -key $dir/client.key >$dir/idle 2>&1" or die "openssl: $!";
ok($t->wait_for(20, sub { slurp("$dir/idle") =~ /READY/ }), 'an idle connection');
ok(!-e "$dir/got", 'is there');
ok($t->wait_for(20, sub { -e "$dir/got" }), 'TLS_TIMEOUT ends it');
close $idle;
kill 'TERM', $pid;
waitpid $pid, 0;
chmod 0644, "$dir/server.pem";
{
	local $ENV{TLS_CERTFILE} = "$dir/server.pem";
	($rc, $out) = run('', 0, $tls, '-server', '-remotefd=0');
	is($rc, 1, 'MTA-2816: a key that others may read is not used');
	like($out, qr/others may read/, 'MTA-2816: and why');
	chmod 0600, "$dir/server.pem";
	local $ENV{TLS_DHPARAMS} = "$dir/server.crt";
	($rc, $out) = run('', 0, $tls, '-server', '-remotefd=0');
	like($out, qr/TLS_DHPARAMS=/, 'MTA-2811: TLS_DHPARAMS stands above');
}

# ---- rights
SKIP: {
	skip 'needs root', 2 if $> != 0;
	my $uid = getpwnam 'nobody';
	$ENV{TLS_VERIFYPEER} = 'NONE';
	($rc, $out) = run('', 0, $tls, @to, '-user=nobody', 'sh', '-c', 'sleep 0.3; id -u >&2; awk "/^Uid/{print \$2}" /proc/$PPID/status >&2');
	is($out, "0\n$uid\n", 'MTA-2805: the program as it was, couriertls as the user');
}

# ---- STARTTLS of a real server
$t->command('mkesmtpdcert');
$t->command('mkimapdcert');
$t->start;
$ENV{TLS_VERIFYPEER} = 'NONE';
($rc, $out) = run("EHLO x\r\nQUIT\r\n", 1, $tls, '-host=127.0.0.1', '-port=' . $t->port('smtp'), '-protocol=smtp');
like($out, qr/^250.*^221 /ms, 'MTA-2807: -protocol=smtp');
unlike($out, qr/^250[ -]STARTTLS\r?$/m, 'MTA-2807: under TLS');
($rc, $out) = run("a LOGOUT\r\n", 1, $tls, '-host=127.0.0.1', '-port=' . $t->port('imap'), '-protocol=imap');
like($out, qr/^a OK/m, 'MTA-2807: -protocol=imap') or diag $out;
($rc, $out) = run('', 1, $tls, '-host=127.0.0.1', '-port=' . $t->port('imap'), '-protocol=smtp');
is($rc, 1, 'MTA-2807: the wrong protocol');
like($out, qr/does not begin TLS/, 'MTA-2807: and why');
done_testing;
