#!/usr/bin/perl
# slow
# What the client says to a server that is well: TLS, AUTH, extensions, sessions used again, and the
# message exactly as it must stand on the wire.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Courier::FakeSMTP;
use Courier::Module qw(home config deliver);

my $home = home(me => "me.example\n", resolver => "127.0.0.1\@9\n", esmtpdelay => "0\n",
	esmtptimeout => "5s\n", esmtptimeouthelo => "5s\n");
my $have_tls = eval { require IO::Socket::SSL; 1 };
my $cert = "$home/cert.pem";
system("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=fake.example " .
	"-addext subjectAltName=IP:127.0.0.1 " .
	"-keyout $home/key.pem -out $home/crt.pem >/dev/null 2>&1 && cat $home/crt.pem $home/key.pem > $cert");

sub server {
	my (%manners) = @_;
	my $route = delete $manners{route} // '';
	my $s = Courier::FakeSMTP->new(%manners, cert => $cert);
	config($home, esmtproutes => ':[127.0.0.1],' . $s->port . "$route\n");
	return $s;
}
sub send_it { return deliver($home, 'esmtp', host => 'r.example', @_) }
sub said { my ($s, $what) = @_; return scalar grep { /$what/ } $s->commands }

# ---- the message ----------------------------------------------------------------------------

{
	my $s = server();
	my $text = "Subject: dots\n\n.\n..\n.x\nx.\n\n.";
	send_it(message => $text);
	my ($got) = $s->messages;
	is($got, "Subject: dots\r\n\r\n..\r\n...\r\n..x\r\nx.\r\n\r\n..\r\n", 'dots are doubled, the last line ends');
	$s = server();
	send_it(message => "Subject: cr\n\na\rb\r\n.\r\nc\r.\r\n");
	($got) = $s->messages;
	unlike($got, qr/\r(?!\n)/, 'no CR alone');
	is(said($s, '\*message\*'), 1, 'one message');
	is(said($s, '\*bare\*'), 0, 'no bare line end');
}
for my $how ([], ['-f']) {
	my $s = server();
	my $text = "Subject: long\n\n" . join '', map { ".line $_ of a long message\n" } 1 .. 30000;
	my ($r) = send_it(message => $text, options => $how);
	is($r->{outcome}, 'relayed', 'a large message');
	my ($got) = $s->messages;
	$got =~ s/\r\n/\n/g;
	$got =~ s/^\.\././mg;
	ok($got eq $text, 'arrives as it was');
}

# ---- extensions -----------------------------------------------------------------------------

{
	my $s = server(ehlo => ['DSN', '8BITMIME', 'SIZE', 'PIPELINING']);
	my ($r) = send_it(options => ['-8', '-e', 'QQ=1', '-N', 3, '-R', 'H']);
	like($r->{flags}, qr/peer-dsn/, 'MTA-0917: the server does DSN');
	is(said($s, '^MAIL FROM:<a@s.example> SIZE=\d+ BODY=8BITMIME RET=HDRS ENVID=QQ\+3D1$'), 1, 'MTA-0917: MAIL parameters');
	is(said($s, '^RCPT TO:<b@r.example> NOTIFY=SUCCESS,FAILURE$'), 1, 'RCPT parameters');
	$s = server(ehlo => []);
	($r) = send_it(options => ['-8', '-e', 'QQ=1', '-N', 8]);
	unlike($r->{flags}, qr/peer-dsn/, 'the server does no DSN');
	is(said($s, '^MAIL FROM:<a@s.example>$'), 1, 'no parameter it does not know');
	is(said($s, '^RCPT TO:<b@r.example>$'), 1, 'nor for RCPT');
	$s = server(ehlo => ['SIZE 10']);
	($r) = send_it();
	is("$r->{outcome} $r->{status}", 'failed 5.3.4', 'too large for the server');
	is(said($s, '^MAIL'), 0, 'it is not even asked');
	$s = server(ehlo => ['SMTPUTF8', '8BITMIME']);
	($r) = send_it(options => ['-u'], rcpts => ["b\xc3\xb6b\@r.example"]);
	is($r->{outcome}, 'relayed', 'SMTPUTF8');
	is(said($s, '^MAIL FROM:<a@s.example> SMTPUTF8$'), 1, 'MTA-0917: is said');
	$s = server(ehlo => ['SMTPUTF8', '8BITMIME']);
	send_it();
	is(said($s, 'SMTPUTF8'), 0, 'MTA-0917: but not when nothing needs it');
	$s = server(ehlo => ['8BITMIME']);
	($r) = send_it(options => ['-u'], rcpts => ["b\xc3\xb6b\@r.example"]);
	is("$r->{outcome} $r->{status}", 'failed 5.6.7', 'no SMTPUTF8: failed');
	$s = server();
	($r) = send_it(rcpts => ["b\@r\xc3\xb6.example"]);
	is(said($s, '^RCPT TO:<b@xn--r-1ga.example>$'), 1, 'a domain alone goes as A-labels');
	$s = server();
	($r) = send_it(rcpts => ["b\@r.example>\r\nRCPT TO:<c\@r.example"]);
	is("$r->{outcome} $r->{status}", 'failed 5.1.3', 'an address with a line end');
	is(said($s, '^RCPT'), 0, 'is not sent');
	$s = server();
	($r) = send_it(options => ['-s', 'smtp/dsn']);
	is($r->{outcome}, 'relayed', 'MTA-0513 MTA-3108 MTA-0926: backscatter is dropped, as a success');
	is($s->connections, 0, 'without a connection');
}

# ---- results of recipients ------------------------------------------------------------------

{
	my $three = "558 550-5.7.1 a:\n558 550 5.7.1 content no\n558 250 2.0.0 Ok\n558 450 4.7.1 wait";
	my @rcpts = map { "$_\@r.example" } qw(one two three);
	for my $case ([['XEXDATA', 'PIPELINING', 'DSN'], 'failed 5.7.1 relayed 2.0.0 deferred 4.7.1', 'each has its own'],
		[['PIPELINING'], 'failed 5.0.0 failed 5.0.0 failed 5.0.0', 'where it was not offered 558 is a refusal']) {
		my $s = server(ehlo => $case->[0], end => $three);
		my @r = send_it(rcpts => \@rcpts);
		is(join(' ', map { "$_->{outcome} $_->{status}" } sort { $a->{rcpt} <=> $b->{rcpt} } @r), $case->[1], "MTA-0921: $case->[2]");
	}
	my $s = server(ehlo => ['XEXDATA'], end => "558 250 2.0.0 Ok\n558 250 2.0.0 Ok");
	my @r = sort { $a->{rcpt} <=> $b->{rcpt} } send_it(rcpts => \@rcpts);
	is(join(' ', map { "$_->{outcome} $_->{code}" } @r), 'relayed 250 relayed 250 deferred 451', 'MTA-0921: a result that is missing is 451');
	like($r[0]{flags}, qr/^$/, 'no DSN there');
	$s = server(ehlo => ['XEXDATA'], end => "558 250 2.0.0 Ok\n558 550 5.1.1 no",
		on => {RCPT => ['250 Ok', '550 5.1.1 nobody', '250 Ok']});
	@r = sort { $a->{rcpt} <=> $b->{rcpt} } send_it(rcpts => \@rcpts);
	is(join(' ', map { "$_->{outcome} $_->{diagnostic}" } @r), 'relayed 2.0.0 Ok failed 5.1.1 nobody failed 5.1.1 no', 'MTA-0921: who was refused before is left out');
}

# ---- a server without 8BITMIME --------------------------------------------------------------

{
	my $text = "Subject: x\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n" .
	    "Content-Transfer-Encoding: 8bit\n\nGr\xc3\xbc\xc3\x9fe = 1\n.\n";
	my $s = server(ehlo => []);
	my ($r) = send_it(message => $text, options => ['-8']);
	is($r->{outcome}, 'relayed', '8-bit text for a server without 8BITMIME');
	my ($got) = $s->messages;
	unlike($got, qr/[\x80-\xff]/, 'goes as 7-bit');
	like($got, qr/^Content-Transfer-Encoding: quoted-printable\r$/mi, 'says so');
	like($got, qr/Gr=C3=BC=C3=9Fe =3D 1\r\n\.\.\r\n/, 'and is the same text');
	$s = server(ehlo => ['8BITMIME']);
	send_it(message => $text, options => ['-8']);
	($got) = $s->messages;
	like($got, qr/Gr\xc3\xbc/, 'with 8BITMIME it goes as it is');
}

# ---- sessions used again --------------------------------------------------------------------

{
	my $s = server();
	my @r = send_it(options => ['-n', 30]);
	is(scalar(grep { $_->{outcome} eq 'relayed' } @r), 30, '30 messages');
	is($s->connections, 1, 'MTA-0915: one connection');
	$s = server();
	@r = send_it(options => ['-n', 60, '-c', 30]);
	is(scalar(grep { $_->{outcome} eq 'relayed' } @r), 60, '60 messages, 30 at once');
	is(scalar $s->messages, 60, 'each once');
	cmp_ok($s->connections, '<=', 20, 'never more connections than allowed');
	$s = server(on => {RCPT => ['250 Ok', '550 5.1.1 no', '250 Ok']});
	@r = send_it(options => ['-n', 3]);
	is(join(' ', map { $_->{outcome} } @r), 'relayed failed relayed', 'a refusal does not harm the next one');
	is($s->connections, 1, 'over one connection');
	is(said($s, '^RSET$'), 1, 'MTA-0915: with RSET between');
	# The server closes idle sessions: the message that finds one so goes over another.
	$s = server(on => {MAIL => ['250 Ok', 'CLOSE']});
	@r = send_it(options => ['-n', 4]);
	is(scalar(grep { $_->{outcome} eq 'relayed' } @r), 4, 'sessions closed under us: nothing is deferred');
	is(scalar $s->messages, 4, 'and nothing comes twice');
	# A server that takes no second session at a time.
	$s = server(greeting => sub { $_[1]{session} > 1 ? '421 4.7.0 too many' : '220 fake ESMTP' },
		on => {MAIL => sub { select undef, undef, undef, 0.05; '250 Ok' }});
	@r = send_it(options => ['-n', 40, '-c', 20]);
	is(scalar(grep { $_->{outcome} eq 'relayed' } @r), 40, 'a server of one session gets all');
	cmp_ok($s->connections, '<', 10, 'and is not stormed');
	config($home, esmtptimeoutkeepalive => "1s\n");
	$s = server();
	@r = send_it(options => ['-n', 2, '-p', 2500]);
	is($s->connections, 2, 'MTA-0227: an idle session ends in time');
	like(join(' ', grep { /^(?:QUIT|\*connect\*)$/ } $s->commands), qr/^\*connect\* QUIT \*connect\*/, 'with QUIT');
	config($home, esmtptimeoutkeepalive => "10s\n", esmtptimeoutkeepaliveping => "1s\n");
	$s = server();
	@r = send_it(options => ['-n', 2, '-p', 2500]);
	is($s->connections, 1, 'or is kept alive');
	cmp_ok(said($s, '^RSET$'), '>=', 1, 'MTA-0228: with RSET');
	unlink "$home/etc/esmtptimeoutkeepalive", "$home/etc/esmtptimeoutkeepaliveping";
}

# ---- TLS ------------------------------------------------------------------------------------

SKIP: {
	skip 'IO::Socket::SSL is missing', 1 unless $have_tls && -s $cert;
	my @e = ('STARTTLS', 'PIPELINING');
	my $s = server(ehlo => \@e);
	my ($r) = send_it();
	is($r->{outcome}, 'relayed', 'MTA-0516: STARTTLS');
	is(said($s, '\*tls\*'), 1, 'is used');
	is(said($s, '^EHLO'), 2, 'EHLO comes again behind it');
	$s = server(ehlo => \@e, broken_tls => 1);
	my @r = send_it(options => ['-n', 2]);
	is(join(' ', map { $_->{outcome} } @r), 'relayed relayed', 'broken TLS: in clear');
	is(said($s, '^STARTTLS'), 1, 'and it is not tried again');
	is(said($s, '\*tls\*'), 0, 'no TLS');
	$s = server(ehlo => \@e, on => {STARTTLS => '454 4.7.0 not now'});
	($r) = send_it();
	is($r->{outcome}, 'relayed', 'STARTTLS refused: in clear');
	is($s->connections, 1, 'over the same connection');
	$s = server(ehlo => \@e, on => {STARTTLS => "RAW 220 go\r\n250-injected\r\n250 AUTH\r\n"});
	($r) = send_it();
	is($r->{outcome}, 'deferred', 'text behind the answer to STARTTLS: nothing is sent');
	is(said($s, '^MAIL'), 0, 'not even in clear');
	for my $case ([{ehlo => []}, 'not offered'], [{ehlo => \@e, broken_tls => 1}, 'broken'],
		[{ehlo => \@e, on => {STARTTLS => '454 4.7.0 no'}}, 'refused']) {
		$s = server(%{$case->[0]}, route => '/SECURITY=REQUIRED');
		($r) = send_it();
		is($r->{outcome}, 'deferred', "MTA-0906: TLS is required and $case->[1]: deferred");
		is(said($s, '^MAIL'), 0, 'nothing is sent in clear');
	}
	$s = server(ehlo => \@e, route => '/SECURITY=REQUIRED');
	($r) = send_it();
	is($r->{outcome}, 'relayed', 'MTA-0906: TLS is required and there');
	$s = server(smtps => 1, ehlo => [], route => '/SECURITY=SMTPS');
	($r) = send_it();
	is($r->{outcome}, 'relayed', 'MTA-0905: TLS from the first byte');
	config($home, courierd => "TLS_TRUSTCERTS=$home/crt.pem\nTLS_VERIFYPEER=PEER\n");
	$s = server(ehlo => \@e, broken_tls => 1);
	($r) = send_it();
	is($r->{outcome}, 'deferred', 'when certificates are checked there is no way back to clear');
	$s = server(ehlo => \@e);
	($r) = send_it();
	is($r->{outcome}, 'relayed', 'MTA-0527: a certificate that is vouched for');
	config($home, courierd => "ESMTP_USE_STARTTLS=0\n");
	$s = server(ehlo => \@e);
	($r) = send_it();
	is(said($s, '^STARTTLS'), 0, 'MTA-0516: STARTTLS can be switched off');
	unlink "$home/etc/courierd";
}

# ---- IPv6 -----------------------------------------------------------------------------------

SKIP: {
	my $s = eval { Courier::FakeSMTP->new(host => '::1') } or skip 'no IPv6 here', 1;
	config($home, esmtproutes => ':[::1],' . $s->port . "\n");
	my ($r) = send_it();
	is("$r->{outcome} $r->{remote}", 'relayed [::1]', 'IPv6');
	config($home, esmtproutes => ':[::1],' . $s->port . "/IPV4ONLY\n");
	($r) = send_it();
	is($r->{outcome}, 'deferred', 'MTA-0907: not when only IPv4 may be used');
}

# ---- backup relay ---------------------------------------------------------------------------

{
	my $backup = server();
	my $s = server();
	config($home, warntime => "1h\n", backuprelay => '[127.0.0.1],' . $backup->port . "\n");
	send_it(options => ['-a', 3000]);
	is(scalar $s->messages, 1, 'MTA-0925: young mail goes the usual way');
	send_it(options => ['-a', 7200]);
	is(scalar $s->messages, 1, 'MTA-0925: mail older than warntime does not');
	is(scalar $backup->messages, 1, 'MTA-0925: it goes to the backup relay');
	unlink "$home/etc/backuprelay";
	send_it(options => ['-a', 7200]);
	is(scalar $s->messages, 2, 'without a backup relay nothing changes');
	unlink "$home/etc/warntime";
}

# ---- batches --------------------------------------------------------------------------------

for my $case ([['PIPELINING'], 'MAIL RCPT RCPT DATA', 'all at once'], [[], 'MAIL', 'one by one']) {
	# a server that answers nothing after EHLO, but writes down what comes
	my $s = server(ehlo => $case->[0], on => {map { $_ => 'RAW ' } qw(MAIL RCPT DATA)});
	config($home, esmtptimeout => "1s\n");
	send_it(rcpts => ['one@r.example', 'two@r.example']);
	my @c = map { /^(MAIL|RCPT|DATA)/ ? $1 : () } $s->commands;
	is("@c", $case->[1], "MTA-0916: $case->[2]");
	config($home, esmtptimeout => "5s\n");
}

# ---- AUTH -----------------------------------------------------------------------------------

{
	my $s = server(ehlo => ['AUTH PLAIN LOGIN']);
	config($home, esmtpauthclient => '[127.0.0.1],' . $s->port . " joe secret\n");
	my ($r) = send_it();
	is($r->{outcome}, 'relayed', 'MTA-0908: AUTH');
	is(said($s, '^AUTH PLAIN AGpvZQBzZWNyZXQ='), 1, 'MTA-0909: PLAIN before LOGIN, with what the file says');
	# user names and passwords of LOGIN come one by one, as answers to questions
	$s = server(ehlo => ['AUTH LOGIN'], on => {AUTH => '334 VXNlcm5hbWU6', uc('am9l') => '334 UGFzc3dvcmQ6', uc('c2VjcmV0') => '235 2.7.0 Ok'});
	config($home, esmtpauthclient => "other.example joe wrong\n[127.0.0.1]," . $s->port . "\tjoe \t secret\n");
	($r) = send_it();
	is($r->{outcome}, 'relayed', 'MTA-0909: LOGIN where there is nothing else');
	is(said($s, '^c2VjcmV0$'), 1, 'with the password');
	$s = server(ehlo => ['AUTH LOGIN PLAIN CRAM-MD5'], on => {AUTH => '334 PDEuMkBmYWtlLmV4YW1wbGU+'});
	config($home, esmtpauthclient => '[127.0.0.1],' . $s->port . " joe secret\n", esmtptimeout => "1s\n");
	send_it();
	is(said($s, '^AUTH CRAM-MD5$'), 1, 'MTA-0909: CRAM-MD5 before all of them');
	my $digest = eval { require Digest::HMAC_MD5; Digest::HMAC_MD5::hmac_md5_hex('<1.2@fake.example>', 'secret') };
	if (!$digest) { require Digest::MD5; my $k = 'secret' . "\0" x 58;
		$digest = Digest::MD5::md5_hex(($k ^ "\x5c" x 64) . Digest::MD5::md5(($k ^ "\x36" x 64) . '<1.2@fake.example>')); }
	require MIME::Base64;
	my $answer = MIME::Base64::encode_base64("joe $digest", '');
	is((grep { $_ eq $answer } $s->commands), 1, 'and its answer is right');
	config($home, esmtptimeout => "5s\n");
	# the domain of the mail names the line, too, when no relay is set
	$s = server(ehlo => ['AUTH PLAIN']);
	config($home, esmtpauthclient => "r.example joe secret\n");
	($r) = send_it();
	is(said($s, '^AUTH PLAIN AGpvZQBzZWNyZXQ='), 1, 'MTA-0908: by the domain');
	SKIP: {
		skip 'IO::Socket::SSL is missing', 1 unless $have_tls && -s $cert;
		$s = server(ehlo => ['STARTTLS', 'AUTH PLAIN']);
		config($home, esmtpauthclient => '[127.0.0.1],' . $s->port . " joe secret\n");
		($r) = send_it();
		my @c = grep { /^(?:STARTTLS|\*tls\*|AUTH)/ } $s->commands;
		is(join(' ', map { (split ' ')[0] } @c), 'STARTTLS *tls* AUTH', 'MTA-0909: AUTH comes behind STARTTLS');
	}
	$s = server(ehlo => ['AUTH PLAIN'], on => {AUTH => '535 5.7.8 wrong'});
	config($home, esmtpauthclient => '[127.0.0.1],' . $s->port . " joe secret\n");
	($r) = send_it();
	is("$r->{outcome} $r->{status}", 'deferred 4.7.8', 'a wrong password does not bounce mail');
	is(said($s, '^MAIL'), 0, 'and nothing is sent');
	$s = server(ehlo => []);
	config($home, esmtpauthclient => '[127.0.0.1],' . $s->port . " joe secret\n");
	($r) = send_it();
	is($r->{outcome}, 'deferred', 'no AUTH where it is needed');
	open my $log, '<', "$home/log/module";
	unlike(join('', <$log>), qr/secret/, 'the password is not in the log');
}

done_testing;
