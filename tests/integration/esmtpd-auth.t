#!/usr/bin/perl
# AUTH in a running instance: every mechanism, refusals, broken exchanges, what a login allows.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Courier::Sasl qw(scram);
use Courier::Test;
use IO::Socket::SSL;
use MIME::Base64;

my $password = $Courier::Test::PASSWORD;
my $t = Courier::Test->new(
	users => ['alice', 'bob'],
	config => {
		esmtpd => {TARPIT => 0, ESMTPAUTH => 'CRAM-MD5', ESMTPAUTH_TLS => 'PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256'},
		authdaemonrc => {AUTH_FAIL_DELAY => 0},
	},
);

# bob's account has what CRAM and SCRAM need
sub stored {
	my (@option) = @_;
	my $program = Courier::Test::program('userdbpw');
	my $out = qx(printf '%s\\n' '$password' | $program @option);
	chomp $out;
	return $out;
}
my $db = $t->path('etc/userdb');
my ($hmac, $scram) = (stored('-hmac-md5'), stored('-p', 'scram-sha-256'));
my $text = do {local (@ARGV, $/) = ($db); <>};
$text =~ s/^(bob\@.*\|)systempw=\S+/$1hmac-md5pw=$hmac|systempw=$scram/m or BAIL_OUT("no line of bob in $db: $text");
$t->file('etc/userdb', $text);
chmod 0600, $db;
if ($> == 0) { my @pw = getpwnam 'courier-auth'; chown @pw[2, 3], $db if @pw }
$t->command('makeuserdb');
$t->start;

sub begin {
	my ($service, $tls) = @_;
	my $s = $t->connect($service || 'submission');
	$t->smtp_reply($s);
	$t->smtp($s, 'EHLO c');
	if ($tls) {
		$t->smtp($s, 'STARTTLS');
		IO::Socket::SSL->start_SSL($s, SSL_verify_mode => 0) or die "TLS: $IO::Socket::SSL::SSL_ERROR";
		$t->{ehlo} = $t->smtp($s, 'EHLO c');
	}
	return $s;
}
my $plain = encode_base64("\0alice\@example.test\0$password", '');

# ---- in clear
my $s = begin('submission');
my $r = $t->smtp($s, 'EHLO c');
like $r, qr/^250-AUTH CRAM-MD5\r$/m, 'in clear only what the setting names';
like $t->smtp($s, "AUTH PLAIN $plain"), qr/^538 5\.7\.11/, 'PLAIN needs TLS';
like $t->smtp($s, 'MAIL FROM:<alice@example.test>'), qr/^530 5\.7\.0/, 'submission needs a login';
$r = $t->smtp($s, 'AUTH CRAM-MD5');
like $r, qr/^334 /, 'CRAM-MD5';
my ($challenge) = $r =~ /^334 (\S+)/;
require Digest::HMAC_MD5;
$r = $t->smtp($s, encode_base64('bob@example.test ' . Digest::HMAC_MD5::hmac_md5_hex(decode_base64($challenge), $password), ''));
like $r, qr/^235 2\.7\.0/, 'CRAM-MD5 succeeds';
like $t->smtp($s, "AUTH PLAIN $plain"), qr/^503 /, 'not twice';
like $t->smtp($s, 'MAIL FROM:<bob@example.test>'), qr/^250 /, 'and may send';

# ---- under TLS
$s = begin('submission', 1);
like $t->{ehlo}, qr/^250-AUTH PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256\r$/m, 'under TLS the other list';
unlike $t->{ehlo}, qr/^250[- ]STARTTLS/m, 'no TLS within TLS';
like $t->smtp($s, "AUTH PLAIN $plain"), qr/^235 /, 'PLAIN with an initial response';
like $t->smtp($s, 'MAIL FROM:<alice@example.test>'), qr/^250 /, 'MAIL';
like $t->smtp($s, 'RCPT TO:<someone@elsewhere.example>'), qr/^250 /, 'a login may send anywhere';

$s = begin('smtp', 1);
like $t->smtp($s, 'AUTH PLAIN'), qr/^334 \r/, 'PLAIN without';
like $t->smtp($s, $plain), qr/^235 /, '... succeeds';

$s = begin('smtp', 1);
is $t->smtp($s, 'AUTH LOGIN'), '334 ' . encode_base64('Username:', "\r\n"), 'LOGIN asks';
like $t->smtp($s, encode_base64('alice', '')), qr/^334 /, '... and asks';
like $t->smtp($s, encode_base64($password, '')), qr/^235 /, 'LOGIN with a bare name';

# ---- SCRAM-SHA-256 (RFC 7677)
$s = begin('smtp', 1);
like scram($t, $s, user => 'bob@example.test', password => $password), qr/^235 /, 'SCRAM-SHA-256, the server proved itself';
$s = begin('smtp', 1);
like scram($t, $s, user => 'bob@example.test', password => 'wrong'), qr/^535 /, '... with a wrong password';

# ---- refusals
$s = begin('smtp', 1);
like $t->smtp($s, 'AUTH PLAIN ' . encode_base64("\0alice\@example.test\0wrong", '')), qr/^535 5\.7\.8/, 'wrong password';
like $t->smtp($s, 'AUTH PLAIN ' . encode_base64("\0nobody\@example.test\0wrong", '')), qr/^535 5\.7\.8/, 'unknown user, the same words';
like $t->smtp($s, 'AUTH PLAIN !!!'), qr/^501 /, 'no base64';
like $t->smtp($s, 'AUTH FOO'), qr/^504 /, 'unknown mechanism';
like $t->smtp($s, 'AUTH'), qr/^501 /, 'no mechanism';
$t->smtp($s, 'AUTH LOGIN');
like $t->smtp($s, '*'), qr/^501 5\.7\.0/, 'cancelled';
like $t->smtp($s, "AUTH PLAIN $plain"), qr/^235 /, '... and tried again';
$s = begin('smtp', 1);
$t->smtp($s, 'MAIL FROM:<a@client.test>');
like $t->smtp($s, "AUTH PLAIN $plain"), qr/^503 /, 'not within a message';
$s = begin('smtp', 1);
$t->smtp($s, 'AUTH LOGIN');
like $t->smtp($s, 'x' x 13000), qr/^500 5\.5\.6/, 'a line that is too long';
like $t->smtp($s, 'NOOP'), qr/^250 /, '... and on';

# ---- left in the middle of an exchange
for my $n (1 .. 20) {
	my $c = begin('smtp', 1);
	print $c "AUTH LOGIN\r\n" . ($n % 2 ? encode_base64('alice', "\r\n") : '') . ($n % 3 ? encode_base64($password, "\r\n") : '');
	close $c;
}
$s = begin('smtp', 1);
like $t->smtp($s, "AUTH PLAIN $plain"), qr/^235 /, 'the server lives';
unlike $t->log, qr/\Q$password\E|\Q$plain\E/, 'no password in the log';
like join("\n", $t->log_lines(qr/auth,relay/)), qr/auth,relay=\S+,user=alice\@example\.test/, 'logins are logged';

# ---- a message says who sent it
my $c = IO::Socket::SSL->new(PeerAddr => '127.0.0.1', PeerPort => $t->port('smtps'), SSL_verify_mode => 0);
ok $c, 'TLS from the first byte' or BAIL_OUT($IO::Socket::SSL::SSL_ERROR);
$t->smtp_reply($c);
$t->smtp($c, $_) for 'EHLO c', "AUTH PLAIN $plain", 'MAIL FROM:<alice@example.test>', 'RCPT TO:<bob@example.test>', 'DATA';
print $c "Subject: mine\r\n\r\nx\r\n.\r\n";
like $t->smtp_reply($c), qr/^250 /, 'a message on port 465';
like $t->wait_mail('bob', qr/^Subject: mine$/m), qr/AUTH: .*alice\@example\.test.*with ESMTPSA/s, 'Received names the login';
done_testing;
