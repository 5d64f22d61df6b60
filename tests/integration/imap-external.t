#!/usr/bin/perl
# Logins of IMAP and POP3 by a client's certificate: TLS_EXTERNAL (IMAP-0084), AUTHENTICATE EXTERNAL
# (IMAP-0103), and no other way in.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Courier::Client qw(have run);
use Courier::Test;
use Courier::Tls;
use IO::Socket::SSL ();
use MIME::Base64 qw(encode_base64);

my $t = Courier::Test->new(users => ['alice', 'bob'], config => {authdaemonrc => {AUTH_FAIL_DELAY => 0},
	imapd => {IMAP_CAPABILITY => 'IMAP4rev1 IDLE AUTH=PLAIN AUTH=EXTERNAL'},
	'imapd-ssl' => {TLS_EXTERNAL => 'emailaddress', TLS_VERIFYPEER => 'PEER', TLS_TRUSTCERTS => 'clients.pem'},
	'pop3d-ssl' => {TLS_EXTERNAL => '', TLS_VERIFYPEER => 'PEER', TLS_TRUSTCERTS => 'clients.pem'}});
my $dir = $t->scratch;
my $ca = Courier::Tls::certificate($dir, 'authority');
my %by = (
	alice => Courier::Tls::certificate($dir, 'alice', ca => $ca, subject => '/CN=A/emailAddress=alice@example.test'),
	nobody => Courier::Tls::certificate($dir, 'nobody', ca => $ca, subject => '/CN=N/emailAddress=nobody@example.test'),
	nameless => Courier::Tls::certificate($dir, 'nameless', ca => $ca, subject => '/CN=alice@example.test'),
);
$t->file('etc/clients.pem', $ca->{cert});
$t->start;

sub dial {
	my ($service, $who) = @_;
	my @show = $who ? (SSL_cert_file => $by{$who}{cert_file}, SSL_key_file => $by{$who}{key_file}) : ();
	my $s = $t->connect($service);
	if ($service eq 'imap') { readline $s; print $s "s STARTTLS\r\n"; readline $s }
	IO::Socket::SSL->start_SSL($s, SSL_verify_mode => 0, Timeout => 10, @show) or die "TLS: $IO::Socket::SSL::SSL_ERROR";
	readline $s if $service ne 'imap';
	return $s;
}
sub ask {
	my ($s, $text) = @_;
	my $said = '';
	local $SIG{ALRM} = sub { die "slow\n" };
	print $s "$text\r\n";
	eval { alarm 20; while (defined(my $l = readline $s)) { $said .= $l; last if $l =~ /^(?:a |\+|-ERR|\.\r)/ } };
	alarm 0;
	return $said;
}

my $s = $t->connect('imap');
unlike scalar(readline $s), qr/EXTERNAL/, 'IMAP-0084: nothing of it in clear';
like ask($s, 'a AUTHENTICATE EXTERNAL ='), qr/^a NO/, '... nor is it taken';
for my $service ('imap', 'imaps') {
	$s = dial($service, 'alice');
	like ask($s, 'a CAPABILITY'), qr/ AUTH=PLAIN AUTH=EXTERNAL\r/, "IMAP-0084: $service: EXTERNAL is offered to who has such a certificate";
	like ask($s, 'a AUTHENTICATE EXTERNAL ='), qr/^a OK \[CAPABILITY/, 'IMAP-0103: an empty response logs in';
	like ask($s, 'a SELECT INBOX'), qr/^a OK/m, '... to a session';
	$s = dial($service, 'alice');
	like ask($s, 'a AUTHENTICATE EXTERNAL'), qr/^\+ /, '... asked for the response';
	like ask($s, encode_base64('alice@example.test', '')), qr/^a OK/, '... which may say the name';
	$s = dial($service, 'alice');
	like ask($s, 'a AUTHENTICATE EXTERNAL ' . encode_base64('bob@example.test', '')), qr/^a NO/, '... but no other';
	for my $who ('', 'nameless') {
		$s = dial($service, $who);
		unlike ask($s, 'a CAPABILITY'), qr/EXTERNAL/, "IMAP-0084: $service: not offered to " . ($who || 'who has none');
		like ask($s, 'a AUTHENTICATE EXTERNAL ' . encode_base64('alice@example.test', '')), qr/^a NO/, '... nor taken';
	}
	$s = dial($service, 'nobody');
	like ask($s, 'a AUTHENTICATE EXTERNAL ='), qr/^a NO/, 'an account that is not there';
}
ok $t->wait_for(20, sub { $t->log_lines(qr/LOGIN, user=alice\@example\.test/) }), 'the log knows who it was';
$by{stranger} = Courier::Tls::certificate($dir, 'stranger', subject => '/CN=S/emailAddress=alice@example.test');
my $in = eval { my $c = dial('imaps', 'stranger'); ask($c, 'a NOOP') } // '';
unlike $in, qr/^a OK/, 'IMAP-0075 IMAP-0076: TLS_TRUSTCERTS, PEER: a certificate of another authority ends it';
like ask(dial('imaps', ''), 'a NOOP'), qr/^a OK/, 'IMAP-0076: PEER: none is fine';
$s = dial('pop3s', 'alice');
unlike ask($s, 'CAPA'), qr/EXTERNAL/, 'POP3 without TLS_EXTERNAL does not offer it';
$t->configure('pop3d-ssl' => {TLS_EXTERNAL => 'emailaddress'}, 'imapd-ssl' => {TLS_VERIFYPEER => 'REQUIREPEER', TLS_CIPHER_LIST => 'ECDHE-ECDSA-AES256-GCM-SHA384'});
$t->restart;
$s = dial('pop3s', 'alice');
print $s "CAPA\r\n";
my $can = '';
while (defined(my $l = readline $s)) { $can .= $l; last if $l =~ /^\./ }
like $can, qr/^SASL .*EXTERNAL\r/m, '... with it it does';
print $s "AUTH EXTERNAL =\r\n";
like scalar(readline $s), qr/^\+OK/, '... and logs in';
$in = eval { my $c = dial('imaps', ''); ask($c, 'a NOOP') } // '';
unlike $in, qr/^a OK/, 'IMAP-0076: REQUIREPEER: not without a certificate';
like ask(dial('imaps', 'alice'), 'a NOOP'), qr/^a OK/, 'IMAP-0076: ... but with one';
my @show = ('-cert', $by{alice}{cert_file}, '-key', $by{alice}{key_file});
is Courier::Tls::cipher(Courier::Tls::s_client($t, 'imaps', '-tls1_2', @show)), 'ECDHE-ECDSA-AES256-GCM-SHA384', 'IMAP-0078: TLS_CIPHER_LIST';
is Courier::Tls::cipher(Courier::Tls::s_client($t, 'imaps', '-tls1_2', '-cipher', 'ECDHE-ECDSA-AES128-GCM-SHA256', @show)), '', 'IMAP-0078: ... and no other';
SKIP: {
	skip 'curl is not here', 1 if !have('curl');
	my ($status, $out) = run({}, 'curl', '-sk', '--max-time', 20, '--login-options', 'AUTH=EXTERNAL', '-u', 'alice@example.test:',
		'--cert', $by{alice}{cert_file}, '--key', $by{alice}{key_file}, 'imaps://127.0.0.1:' . $t->port('imaps') . '/');
	like $out, qr/^\* LIST .*INBOX/m, 'curl logs in by its certificate';
}
is(join("\n", $t->log_lines(qr/died of signal|Sanitizer: |runtime error:/)), '', 'nothing died');
is $t->stop, '', 'stops';
done_testing;
