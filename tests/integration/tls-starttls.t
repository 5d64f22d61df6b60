#!/usr/bin/perl
# slow
# STARTTLS: text behind it (V2, T41), what it forgets, renegotiation, when it is required or fails on
# purpose; what Received and the log say.
# MTA-0614 MTA-0646 MTA-0839 MTA-0840 MTA-0856
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Courier::Test;
use Courier::Tls;
use IO::Socket::SSL;
use Time::HiRes qw(sleep);

my $t = Courier::Test->new(config => {
	esmtpd => {TARPIT => 0},
	'esmtpd-msa' => {ESMTP_TLS_REQUIRED => 1, AUTH_REQUIRED => 0},
});
$t->start;

# ---- the matrix: SMTP, IMAP, POP3; the same packet or the next one; a command, half of one, TLS's first bytes
my %words = (
	smtp => ['STARTTLS', 'EHLO c', ['NOOP', 'MAIL FROM:<evil@example.test>', 'AUTH PLAIN AGFsaWNlAHg=']],
	imap => ['a STARTTLS', undef, ['b NOOP', 'b LOGIN evil evil']],
	pop3 => ['STLS', undef, ['CAPA', 'USER evil']],
);
sub lines {
	my ($s, $service) = @_;
	my $line = readline $s;
	return '' unless defined $line;
	$line .= readline $s while $service eq 'smtp' && $line =~ /^\d{3}-[^\n]*\n\z/m;
	return $line;
}
for my $service (sort keys %words) {
	my ($start, $hello, $injected) = @{$words{$service}};
	for my $text ((map {"$_\r\n"} @$injected), substr($injected->[0], 0, 2), "\r\n", "\0") {
		(my $name = $text) =~ s/[^ -~]/./g;
		for my $gap (0, 0.02) {
			my $s = $t->connect($service);
			lines($s, $service);
			if ($hello) {
				print $s "$hello\r\n";
				my $reply = '';
				$reply = readline $s while $reply !~ /^250 /;
			}
			print $s $gap ? "$start\r\n" : "$start\r\n$text";
			if ($gap) {
				sleep $gap;
				local $SIG{PIPE} = 'IGNORE';
				print $s $text;
			}
			my $reply = '';
			$reply = readline $s until !defined $reply || $reply =~ /^(?:220|554|\d{3} |a |\+OK|-ERR)/;
			my $secure = defined $reply && $reply =~ /^(?:220|a OK|\+OK)/ && IO::Socket::SSL->start_SSL($s, SSL_verify_mode => 0, Timeout => 5);
			if (!$secure) {
				pass "T41: $service: '$name'" . ($gap ? ' later' : '') . ': no TLS over it';
				next;
			}
			# it went on: then the text must have been dropped
			my $probe = $service eq 'imap' ? "z NOOP\r\n" : $service eq 'pop3' ? "AUTH X-NONE\r\n" : "NOOP\r\n";
			print $s $probe;
			my $answer = readline $s;
			like $answer, $service eq 'imap' ? qr/^z / : $service eq 'pop3' ? qr/^-ERR/ : qr/^250 2\.0\.0/, "T41: $service: '$name': dropped";
		}
	}
}

# ---- state
sub starttls {
	my ($service, @before) = @_;
	my $s = $t->connect($service);
	$t->smtp_reply($s);
	$t->smtp($s, $_) for 'EHLO before', @before;
	my $r = $t->smtp($s, 'STARTTLS');
	return ($s, $r) unless $r =~ /^220/;
	return (IO::Socket::SSL->start_SSL($s, SSL_verify_mode => 0), $r);
}
my ($s, $r) = starttls('smtp', 'MAIL FROM:<a@client.test>', "RCPT TO:<alice\@example.test>");
like $r, qr/^220 2\.0\.0/, 'MTA-0839: 220';
like $t->smtp($s, 'DATA'), qr/^503/, 'the message at hand is forgotten';
like $t->smtp($s, 'MAIL FROM:<a@client.test>'), qr/^503/, 'MTA-0839: and the EHLO';
my $caps = $t->smtp($s, 'EHLO after');
unlike $caps, qr/^250[- ]STARTTLS\r?$/m, 'not offered again';
like $t->smtp($s, 'STARTTLS'), qr/^503 5\.5\.1/, '... nor done';
like $t->smtp($s, 'MAIL FROM:<a@client.test>'), qr/^250/, 'mail';
like $t->smtp($s, 'STARTTLS now'), qr/^501/, 'no argument';
like $t->smtp($s, 'RCPT TO:<alice@example.test>'), qr/^250/, 'still there';
$t->smtp($s, 'DATA');
like $t->smtp($s, "Subject: over TLS\r\n\r\nx\r\n."), qr/^250/, 'accepted';
my $mail = $t->wait_mail('alice', qr/over TLS/);
my ($version, $cipher) = ($s->get_sslversion_int == 0x304 ? 'TLSv1.3' : 'TLSv1.2', $s->get_cipher);
like $mail, qr/^Received: from after .*?\(TLS: \Q$version\E \Q$cipher\E \d+ bits\)/sm, 'MTA-0840: Received tells protocol and cipher' or diag($mail);
like $mail, qr/with (?:UTF8)?E?SMTPS/, '... and ESMTPS';
ok $t->log_lines(qr/tls,relay=::ffff:127\.0\.0\.1,port=\d+,protocol=\Q$version\E,cipher=\Q$cipher\E,bits=\d+,resumed=0,session=/), 'MTA-0840: so does the log';

# ---- no renegotiation
my $port = $t->port('smtps');
my $out = qx((sleep 0.5; printf 'R\\n'; sleep 0.5; printf 'NOOP\\n'; sleep 0.5) | timeout 10 openssl s_client -tls1_2 -connect 127.0.0.1:$port 2>&1);
like $out, qr/RENEGOTIATING/, 'a client that wants to renegotiate';
like $out, qr/no renegotiation|ssl handshake failure|errno|alert/i, '... is refused';

# ---- required
$s = $t->connect('submission');
$t->smtp_reply($s);
like $t->smtp($s, 'EHLO c'), qr/^250[- ]STARTTLS\r?$/m, 'TLS is required here';
like $t->smtp($s, 'MAIL FROM:<a@client.test>'), qr/^530 5\.7\.0/, 'MTA-0614 MTA-0856: no mail without it';
unlike $t->smtp($s, 'AUTH PLAIN'), qr/^(?:334|235)/, '... nor passwords';
like $t->smtp($s, 'NOOP'), qr/^250/, '... NOOP is harmless';
($s) = starttls('submission');
$t->smtp($s, 'EHLO c');
like $t->smtp($s, 'MAIL FROM:<a@client.test>'), qr/^250/, 'MTA-0614: with TLS it is taken';
$t->file('etc/smtpaccess/default', "127.0.0.1\tallow,ESMTP_TLS_REQUIRED=1\n");
$t->command('makesmtpaccess');
ok $t->wait_for(15, sub {
	my $c = $t->connect('smtp');
	$t->smtp_reply($c);
	$t->smtp($c, 'EHLO c');
	return $t->smtp($c, 'MAIL FROM:<a@client.test>') =~ /^530/;
}), 'MTA-0614: for some clients alone' or diag($t->log);

# ---- failing on purpose
for (['SOFT', qr/^454 4\.7\.0/, qr/^454/], ['HARD', qr/^502 5\.5\.1/, qr/^454/]) {
	my ($how, $starttls, $mail) = @$_;
	$t->configure('esmtpd-msa' => {map {("TLS_DEBUG_FAIL_STARTTLS_$_" => $_ eq $how ? 1 : 0)} 'SOFT', 'HARD'});
	Courier::Tls::reload($t);
	ok $t->wait_for(15, sub {(starttls('submission'))[1] =~ $starttls}), "MTA-0646: TLS_DEBUG_FAIL_STARTTLS_$how";
	my $c = $t->connect('submission');
	$t->smtp_reply($c);
	like $t->smtp($c, 'EHLO c'), qr/^250[- ]STARTTLS\r?$/m, '... offered all the same';
	like $t->smtp($c, 'MAIL FROM:<a@client.test>'), $mail, 'MTA-0839: required and not to be had: later';
}

# ---- no certificate at all: nothing offered, and what needs it waits
$t->stop;
unlink $t->path('etc/esmtpd.pem');
$t->start;
$s = $t->connect('smtp');
$t->smtp_reply($s);
unlike $t->smtp($s, 'EHLO c'), qr/^250[- ]STARTTLS\r?$/m, 'MTA-0839: without a certificate: not offered';
like $t->smtp($s, 'STARTTLS'), qr/^454/, 'MTA-0839: ... and 454';
$s = $t->connect('submission');
$t->smtp_reply($s);
$t->smtp($s, 'EHLO c');
like $t->smtp($s, 'MAIL FROM:<a@client.test>'), qr/^454/, 'MTA-0839: required: not now';
is $t->stop, '', 'stops';
done_testing;
