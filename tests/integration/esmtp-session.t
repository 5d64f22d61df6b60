#!/usr/bin/perl
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
	my ($r) = send_it(options => ['-8', '-e', 'QQ=1', '-N', 3]);
	like($r->{flags}, qr/peer-dsn/, 'the server does DSN');
	is(said($s, '^MAIL FROM:<a@s.example> SIZE=\d+ BODY=8BITMIME ENVID=QQ\+3D1$'), 1, 'MAIL parameters');
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
	is(said($s, '^MAIL FROM:<a@s.example> SMTPUTF8$'), 1, 'is said');
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
	is($r->{outcome}, 'relayed', 'MTA-0513 MTA-3108: backscatter is dropped, as a success');
	is($s->connections, 0, 'without a connection');
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
	is($s->connections, 1, 'one connection');
	$s = server();
	@r = send_it(options => ['-n', 60, '-c', 30]);
	is(scalar(grep { $_->{outcome} eq 'relayed' } @r), 60, '60 messages, 30 at once');
	is(scalar $s->messages, 60, 'each once');
	cmp_ok($s->connections, '<=', 20, 'never more connections than allowed');
	$s = server(on => {RCPT => ['250 Ok', '550 5.1.1 no', '250 Ok']});
	@r = send_it(options => ['-n', 3]);
	is(join(' ', map { $_->{outcome} } @r), 'relayed failed relayed', 'a refusal does not harm the next one');
	is($s->connections, 1, 'over one connection');
	is(said($s, '^RSET$'), 1, 'with RSET between');
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
	is(said($s, '^QUIT$'), 1, 'with QUIT');
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
		is($r->{outcome}, 'deferred', "TLS is required and $case->[1]: deferred");
		is(said($s, '^MAIL'), 0, 'nothing is sent in clear');
	}
	$s = server(ehlo => \@e, route => '/SECURITY=REQUIRED');
	($r) = send_it();
	is($r->{outcome}, 'relayed', 'TLS is required and there');
	$s = server(ehlo => \@e, route => '/SECURITY=STARTTLS');
	($r) = send_it();
	is($r->{outcome}, 'deferred', 'a certificate that nobody vouches for is not enough there');
	$s = server(smtps => 1, ehlo => [], route => '/SECURITY=SMTPS');
	($r) = send_it();
	is($r->{outcome}, 'relayed', 'TLS from the first byte');
	config($home, courierd => "TLS_TRUSTCERTS=$home/crt.pem\n");
	$s = server(ehlo => \@e, broken_tls => 1);
	($r) = send_it();
	is($r->{outcome}, 'deferred', 'when certificates are checked there is no way back to clear');
	$s = server(ehlo => \@e, route => '/SECURITY=STARTTLS');
	($r) = send_it();
	is($r->{outcome}, 'relayed', 'MTA-0527: a certificate that is vouched for, with the right name');
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
	is($r->{outcome}, 'deferred', 'not when only IPv4 may be used');
}

# ---- AUTH -----------------------------------------------------------------------------------

{
	my $s = server(ehlo => ['AUTH PLAIN LOGIN']);
	config($home, esmtpauthclient => '[127.0.0.1],' . $s->port . " joe secret\n");
	my ($r) = send_it();
	is($r->{outcome}, 'relayed', 'AUTH');
	is(said($s, '^AUTH PLAIN AGpvZQBzZWNyZXQ='), 1, 'PLAIN with what the file says');
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
