#!/usr/bin/perl
# AUTH EXTERNAL (MTA-0836 MTA-0621): a verified certificate names the account, the login needs no password, and
# nothing else about the certificate or the client's words opens it.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Courier::Client qw(have run write_file);
use Courier::Sasl qw(b64);
use Courier::Test;
use IO::Socket::SSL;

my $password = $Courier::Test::PASSWORD;
my $dir = File::Temp->newdir;
sub openssl { system("cd $dir && openssl $_[0] >/dev/null 2>&1") == 0 or die "openssl $_[0]" }
for my $ca (qw(ca other)) {
	openssl("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=$ca -keyout $ca.key -out $ca.crt");
}
# name => subject, authority
my %certificate = (
	alice => ['/CN=Alice/emailAddress=alice@example.test', 'ca'],
	bare => ['/CN=Bob/emailAddress=bob', 'ca'],
	nobody => ['/CN=Nobody/emailAddress=nobody@example.test', 'ca'],
	nameless => ['/CN=alice@example.test', 'ca'],
	two => ['/emailAddress=alice@example.test/emailAddress=bob@example.test', 'ca'],
	forged => ['/CN=Alice/emailAddress=alice@example.test', 'other'],
	odd => ['/CN=Alice/emailAddress=alice@example.test bob@example.test', 'ca'],
);
for my $name (sort keys %certificate) {
	my ($subject, $ca) = @{$certificate{$name}};
	openssl("req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj '$subject' -keyout $name.key -out $name.csr");
	openssl("x509 -req -in $name.csr -CA $ca.crt -CAkey $ca.key -CAcreateserial -days 2 -out $name.crt");
}
my $t = Courier::Test->new(
	users => ['alice', 'bob'],
	config => {
		esmtpd => {TARPIT => 0, BOFHCHECKDNS => 0, TLS_VERIFYPEER => 'PEER', TLS_EXTERNAL => 'emailaddress', ESMTPAUTH_TLS => 'PLAIN'},
		'esmtpd-ssl' => {TLS_EXTERNAL => ''},
		authdaemonrc => {AUTH_FAIL_DELAY => 0},
	},
	files => {'smtpaccess/default' => ''},
);
{
	local (@ARGV, $/) = ("$dir/ca.crt");
	$t->configure(esmtpd => {TLS_TRUSTCERTS => $t->file('etc/clients.pem', scalar <>)});
}
$t->start;

sub begin {
	my ($certificate, $service) = @_;
	my @ssl = (SSL_verify_mode => 0, $certificate ? (SSL_cert_file => "$dir/$certificate.crt", SSL_key_file => "$dir/$certificate.key") : ());
	my $s = $t->connect($service || 'submission');
	$t->smtp_reply($s);
	$t->smtp($s, 'EHLO c');
	$t->smtp($s, 'STARTTLS');
	IO::Socket::SSL->start_SSL($s, @ssl) or return;
	$t->{ehlo} = $t->smtp($s, 'EHLO c');
	return $s;
}

my $s = begin('alice') or BAIL_OUT("TLS: $IO::Socket::SSL::SSL_ERROR");
like $t->{ehlo}, qr/^250-AUTH PLAIN EXTERNAL\r$/m, 'EXTERNAL is offered to who has a certificate';
like $t->smtp($s, 'AUTH EXTERNAL ='), qr/^235 2\.7\.0/, 'MTA-0836: EXTERNAL with an empty response';
like $t->smtp($s, 'MAIL FROM:<alice@example.test>'), qr/^250/, 'MAIL';
like $t->smtp($s, 'RCPT TO:<x@far.example>'), qr/^250/, '... relays';
$t->smtp($s, 'RSET');
$t->smtp($s, $_) for 'MAIL FROM:<alice@example.test>', 'RCPT TO:<bob@example.test>', 'DATA';
print $s "Subject: certified\r\n\r\nx\r\n.\r\n";
like $t->smtp_reply($s), qr/^250/, '... sends';
like $t->wait_mail('bob', qr/^Subject: certified$/m), qr/\(AUTH: EXTERNAL alice\@example\.test\)/, 'MTA-0841: ... and Received tells how';

$s = begin('alice');
like $t->smtp($s, 'AUTH EXTERNAL'), qr/^334 \r/, 'without an initial response: asked';
like $t->smtp($s, ''), qr/^235 /, '... an empty answer will do';
$s = begin('alice');
like $t->smtp($s, 'AUTH EXTERNAL ' . b64('alice@example.test')), qr/^235 /, 'the name that the certificate has may be said';
$s = begin('alice');
like $t->smtp($s, 'AUTH EXTERNAL ' . b64('bob@example.test')), qr/^535 /, '... but no other';
like $t->smtp($s, 'AUTH PLAIN ' . b64("\0bob\@example.test\0$password")), qr/^235 /, '... a password still opens';
$s = begin('alice');
$t->smtp($s, 'AUTH EXTERNAL');
like $t->smtp($s, '*'), qr/^501 5\.7\.0/, 'taken back';

$s = begin('bare');
like $t->smtp($s, 'AUTH EXTERNAL ='), qr/^235 /, 'a name without its domain is completed as for other logins';
$s = begin('nobody');
like $t->smtp($s, 'AUTH EXTERNAL ='), qr/^535 /, 'a certificate for an account that is not there';
for my $name ('', 'nameless', 'two') {
	$s = begin($name);
	like $t->{ehlo}, qr/^250-AUTH PLAIN\r$/m, ($name || 'no certificate') . ': EXTERNAL is not offered';
	like $t->smtp($s, 'AUTH EXTERNAL ' . b64('alice@example.test')), qr/^504 /, '... nor taken';
}
$s = begin('odd');
unlike $s ? $t->smtp($s, 'AUTH EXTERNAL =') : '', qr/^235/, 'two names in one field are none';
$s = begin('forged');
ok !$s || $t->{ehlo} !~ /EXTERNAL/, 'a certificate of another authority is worth nothing';
{
	my $c = IO::Socket::SSL->new(PeerAddr => '127.0.0.1', PeerPort => $t->port('smtps'), SSL_verify_mode => 0,
		SSL_cert_file => "$dir/alice.crt", SSL_key_file => "$dir/alice.key") or die $IO::Socket::SSL::SSL_ERROR;
	$t->smtp_reply($c);
	unlike $t->smtp($c, 'EHLO c'), qr/EXTERNAL/, 'a port without TLS_EXTERNAL does not offer it';
}
SKIP: {
	skip 'msmtp is not here', 2 if !have('msmtp');
	my $rc = write_file("$dir/msmtprc", join "\n", 'account default', 'host 127.0.0.1', 'port ' . $t->port('submission'), 'auth external', 'user alice@example.test', 'from alice@example.test',
		'tls on', 'tls_starttls on', 'tls_certcheck off', "tls_cert_file $dir/alice.crt", "tls_key_file $dir/alice.key", '');
	my ($status, $said) = run({in => "Subject: by msmtp\n\nx\n"}, 'msmtp', '-C', $rc, 'bob@example.test');
	is $status, 0, 'msmtp logs in by its certificate' or diag $said;
	like $t->wait_mail('bob', qr/^Subject: by msmtp$/m), qr/\(AUTH: EXTERNAL alice\@example\.test\)/, '... and sends';
}
is $t->stop, '', 'stops';
done_testing;
