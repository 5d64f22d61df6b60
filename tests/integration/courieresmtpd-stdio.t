#!/usr/bin/perl
# slow
# courieresmtpd on standard input and output: under couriertcpd, socat and through pipes; what it may
# say of its client, and what not.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use IO::Socket::INET;
use IPC::Open2;
use Test::More;
use Time::HiRes qw(sleep);
use Courier::Test;

my $t = Courier::Test->new(users => ['alice']);
my $dir = $t->scratch;
my $smtpd = Courier::Test::prefix() . '/sbin/courieresmtpd';
my $tcpd = Courier::Test::program('couriertcpd');
ok(-x $smtpd, 'MTA-0855: the program') or BAIL_OUT("no $smtpd");
$t->start;
$ENV{COURIER_HOME} = $t->path('');
my @pids;
END { local $?; kill 'TERM', @pids if @pids }
sub slurp { my ($f) = @_; open my $fh, '<', $f or return ''; local $/; return scalar <$fh> // '' }
sub start {
	my ($port, @args) = @_;
	my $pid = fork // die "fork: $!";
	if (!$pid) {
		open STDERR, '>>', "$dir/errors";
		exec @args or exit 127;
	}
	push @pids, $pid;
	$t->wait_for(10, sub { IO::Socket::INET->new("127.0.0.1:$port") }) or diag slurp("$dir/errors");
	return $pid;
}
sub dialogue { # through pipes
	my ($input, @args) = @_;
	my $pid = open2(my $out, my $in, @args);
	local $SIG{ALRM} = sub { kill 'KILL', $pid };
	alarm 30;
	print $in $input;
	close $in;
	my $text = do { local $/; <$out> } // '';
	waitpid $pid, 0;
	alarm 0;
	return $text =~ s/\r\n/\n/gr;
}
sub message { my ($from, $to, $subject) = @_; return "EHLO client.test\r\nMAIL FROM:<$from>\r\nRCPT TO:<$to>\r\nDATA\r\nSubject: $subject\r\n\r\ntext\r\n.\r\nQUIT\r\n" }
sub rcpt { # the reply to RCPT
	my ($s, $to) = @_;
	$t->smtp_reply($s);
	$t->smtp($s, 'EHLO client.test');
	$t->smtp($s, 'MAIL FROM:<x@example.test>');
	return $t->smtp($s, "RCPT TO:<$to>");
}

# ---- couriertcpd
my $port = Courier::Test::free_port();
$t->file('etc/smtpaccess/default', "127.0.0.2\tallow,RELAYCLIENT\n127.0.0.3\tallow,BLOCK=\"554 we know you\"\n");
is($t->command('makesmtpaccess'), '', 'an access file');
my $server = start($port, $tcpd, '-nodnslookup', '-access=' . $t->path('etc/smtpaccess.dat'), $port, $smtpd);
my $out = `swaks --server 127.0.0.1 --port $port --from bob\@client.test --to alice\@example.test --header 'Subject: under tcpd' 2>&1`;
is($?, 0, 'MTA-0855: swaks, couriertcpd, courieresmtpd') or diag $out;
my $mail = $t->wait_mail('alice', qr/^Subject: under tcpd$/m);
ok($mail, 'MTA-0855: the message arrives') or diag slurp("$dir/errors");
like($mail, qr/^Received: from \S+ .*\[(::ffff:)?127\.0\.0\.1\]/ms, 'MTA-0855: from the client');
like($mail, qr/with ESMTP/, 'MTA-0855: and by ESMTP');
my $s = IO::Socket::INET->new("127.0.0.1:$port");
my $first = rcpt($s, 'someone@elsewhere.test');
SKIP: {
	skip 'only root may speak for the network', 3 if $> != 0;
	like($first, qr/^5/, 'MTA-0855: a stranger does not relay');
	$s = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port", LocalAddr => '127.0.0.2');
	like(rcpt($s, 'someone@elsewhere.test'), qr/^250/, 'MTA-0737, MTA-0855: RELAYCLIENT of the access file does');
	$s = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port", LocalAddr => '127.0.0.3');
	like(rcpt($s, 'alice@example.test'), qr/^554.*we know you/, 'MTA-0735: BLOCK refuses with its text');
	my @mine = grep {m,^\S+\s+\Q$smtpd\E,} `ps -o user:20,args --ppid $server`; # the one of the last reply has still its client
	ok(@mine && !grep({/^root/} @mine), 'MTA-0855: the session has no rights of root') or diag "@mine";
}
# states, and garbage, are the resident server's
$s = IO::Socket::INET->new("127.0.0.1:$port");
$t->smtp_reply($s);
like($t->smtp($s, 'RCPT TO:<alice@example.test>'), qr/^503/, 'MTA-0855: states as on port 25');
syswrite $s, "EHLO a\nMAIL FROM:<>\r\n";
like($t->smtp_reply($s), qr/^5\d\d/, 'MTA-0855: a bare LF ends nothing');
$s = IO::Socket::INET->new("127.0.0.1:$port");
$t->smtp_reply($s);
syswrite $s, join '', map {chr rand 256} 1 .. 100000;
undef $s;
$s = IO::Socket::INET->new("127.0.0.1:$port");
like($t->smtp_reply($s), qr/^220 /, 'others are served');
# a client that leaves in the middle leaves nothing
$t->smtp($s, 'EHLO x');
$t->smtp($s, 'MAIL FROM:<x@example.test>');
$t->smtp($s, 'RCPT TO:<alice@example.test>');
$t->smtp($s, 'DATA');
syswrite $s, "Subject: half\r\n\r\nhalf";
undef $s;

# ---- pipes, and who calls
$out = dialogue(message('x@client.test', 'alice@example.test', 'through pipes'), $smtpd);
like($out, qr/^220 .*^250[ -].*^250 .*^250 .*^354 .*^250 .*^221 /ms, 'MTA-0855: through pipes') or diag $out;
ok($t->wait_mail('alice', qr/^Subject: through pipes$/m), 'MTA-0855: and it arrives');
unlike(join('', map {$_->[1]} $t->mailbox('alice')), qr/^Subject: half$/m, 'half a message is none');
SKIP: {
	skip 'needs root', 4 if $> != 0;
	my @nobody = ('setpriv', '--reuid=nobody', '--regid=nogroup', '--clear-groups', '--');
	local $ENV{TCPREMOTEIP} = '198.51.100.7';
	local $ENV{TCPREMOTEHOST} = 'trusted.example';
	chmod 0755, $dir, $t->path('');
	$out = dialogue(message('x@client.test', 'alice@example.test', 'by nobody'), @nobody, $smtpd);
	if ($out =~ /^220/) {
		my $text = $t->wait_mail('alice', qr/^Subject: by nobody$/m);
		unlike($text, qr/198\.51\.100\.7|trusted\.example/, 'MTA-0855: nobody cannot say that mail came from elsewhere');
		like($text, qr/uid @{[scalar getpwnam 'nobody']}/, 'MTA-0855: it is nobody\'s mail');
	} else {
		pass('nobody may not read the settings');
		unlike($out, qr/^2/, 'so there is no session');
	}
	$out = dialogue(message('x@client.test', 'alice@example.test', 'by root'), $smtpd);
	my $text = $t->wait_mail('alice', qr/^Subject: by root$/m);
	like($text, qr/198\.51\.100\.7/, 'MTA-0855: root is believed');
	like($text, qr/trusted\.example/, 'MTA-0855: the name, too');
}

# ---- socat, and TLS in front
SKIP: {
	skip 'socat is missing', 2 if system('socat -V >/dev/null 2>&1') != 0;
	$port = Courier::Test::free_port();
	start($port, 'socat', "TCP-LISTEN:$port,bind=127.0.0.1,reuseaddr,fork", "EXEC:$smtpd");
	$out = `swaks --server 127.0.0.1 --port $port --from bob\@client.test --to alice\@example.test --header 'Subject: under socat' 2>&1`;
	is($?, 0, 'MTA-0855: under socat') or diag $out;
	ok($t->wait_mail('alice', qr/^Subject: under socat$/m), 'MTA-0855: and it arrives');
}
$port = Courier::Test::free_port();
system("openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost -keyout $dir/k.pem -out $dir/c.pem -days 30 2>/dev/null; cat $dir/k.pem $dir/c.pem >$dir/s.pem; chmod 600 $dir/*.pem");
$ENV{TLS_CERTFILE} = "$dir/s.pem";
start($port, $tcpd, '-nodnslookup', $port, Courier::Test::program('couriertls'), '-server', '-tcpd', $smtpd);
$out = `swaks --tls-on-connect --server 127.0.0.1 --port $port --from bob\@client.test --to alice\@example.test --header 'Subject: under tls' 2>&1`;
is($?, 0, 'MTA-2804, MTA-0855: TLS by couriertls in front') or diag $out, slurp("$dir/errors");
my $under = $t->wait_mail('alice', qr/^Subject: under tls$/m);
ok($under, 'MTA-2804: and it arrives');
like($under, qr/^Received:[^\n]*(?:\n\s[^\n]*)*\bTLSv1\.[23] \w+ \d+ bits[^\n]*(?:\n\s[^\n]*)*\bwith ESMTPS\b/m, 'MTA-2804, MTA-2810: Received tells of the TLS in front') or diag $under;
{
	$t->configure(esmtpd => {ESMTP_TLS_REQUIRED => 1});
	my $try = "EHLO x\r\nMAIL FROM:<x\@client.test>\r\nQUIT\r\n";
	like(dialogue($try, $smtpd), qr/^454 \S+ TLS/m, 'with ESMTP_TLS_REQUIRED nothing goes in clear');
	local $ENV{TLS_CONNECTED_PROTOCOL} = 'TLSv1.3,256bits,TLS_AES_256_GCM_SHA384';
	like(dialogue(message('x@client.test', 'alice@example.test', 'required'), $smtpd), qr/^354 .*^250 /ms, 'MTA-2810: under couriertls it goes');
	ok($t->wait_mail('alice', qr/^Subject: required$/m), 'and arrives');
	unlike(dialogue("EHLO x\r\nQUIT\r\n", $smtpd), qr/^250.(?:STARTTLS|AUTH)/m, 'no TLS within TLS');
	for my $bad ("x\n(y) with nonsense", 'TLSv1.3 (forged)', 'x' x 300) {
		local $ENV{TLS_CONNECTED_PROTOCOL} = $bad;
		like(dialogue($try, $smtpd), qr/^454 \S+ TLS/m, 'MTA-2810: what couriertls never says is no TLS');
	}
	SKIP: {
		skip 'needs root', 1 if $> != 0;
		unlike(dialogue($try, 'setpriv', '--reuid=nobody', '--regid=nogroup', '--clear-groups', '--', $smtpd),
			qr/^250 .*^250 /ms, 'MTA-2810: from nobody it is not believed');
	}
	$t->configure(esmtpd => {ESMTP_TLS_REQUIRED => 0});
}

# ---- the gate is away
$t->stop;
like(dialogue("QUIT\r\n", $smtpd), qr/^4\d\d /, 'MTA-0855: without the mail system it is 4xx');
done_testing;
