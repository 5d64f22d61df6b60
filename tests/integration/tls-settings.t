#!/usr/bin/perl
# slow
# What the TLS settings do: versions, ciphers, Diffie-Hellman groups, time limits, names of protocols,
# client certificates; and what those say that do nothing here.  One instance: every service has its own.
# MTA-0613 MTA-0615 MTA-0618 MTA-0619 MTA-0620 MTA-0622 MTA-2813
# IMAP-0074 IMAP-0077 IMAP-0080 IMAP-0083 IMAP-0085
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Courier::Test;
use Courier::Tls;
use IO::Socket::INET;
use Time::HiRes qw(time sleep);

my $t = Courier::Test->new(config => {esmtpd => {TARPIT => 0}});
my $scratch = $t->scratch;
sub client { my ($service, @args) = @_; return Courier::Tls::s_client($t, $service, @args) }
sub version { my ($service, @args) = @_; return Courier::Tls::protocol(client($service, @args)) }
my @all = ('-cipher', 'ALL:@SECLEVEL=0');

# ---- certificates of clients
my $ca = Courier::Tls::certificate($scratch, 'our authority');
my $known = Courier::Tls::certificate($scratch, 'client', ca => $ca, subject => '/CN=client/emailAddress=alice@example.test');
my $stranger = Courier::Tls::certificate($scratch, 'stranger');
my @shows = map {["-cert", $_->{cert_file}, '-key', $_->{key_file}]} $known, $stranger;
mkdir $t->path('etc/trust');
$t->file('etc/trust/ca.pem', $ca->{cert});

# ---- groups
my $small = Courier::Tls::run('openssl', 'dhparam', '-dsaparam', '-outform', 'PEM', '1024');
$t->file('etc/dh1024.pem', $small =~ /(-----BEGIN.*-----END[^\n]*\n)/s ? $1 : die $small);
my $group = Courier::Tls::run('openssl', 'genpkey', '-genparam', '-algorithm', 'DH', '-pkeyopt', 'group:ffdhe3072');
$t->file('etc/dh3072.pem', $group =~ /(-----BEGIN.*-----END[^\n]*\n)/s ? $1 : die $group);
Courier::Tls::install($t, 'esmtpd.pem', Courier::Tls::certificate($scratch, 'rsa.example', key => 'rsa')->{pem});

$t->configure(
	'esmtpd' => {TLS_PROTOCOL => 'TLSv1.2++', TLS_DHPARAMS => 'dh3072.pem', TLS_TIMEOUT => '2',
		TLS_PRIORITY => 'NORMAL', TLS_CACHEFILE => '/var/lib/courier/cache'},
	'esmtpd-msa' => {TLS_PROTOCOL => 'TLSv1.1+', TLS_VERIFYPEER => 'PEER', TLS_TRUSTCERTS => 'trust', TLS_MIN_DH_BITS => '4096', TLS_DHPARAMS => ''},
	'esmtpd-ssl' => {TLS_PROTOCOL => 'TLSv1.3', TLS_VERIFYPEER => 'REQUIREPEER', TLS_TRUSTCERTS => 'trust/ca.pem', TLS_ALPN => '', TLS_DHPARAMS => 'missing.pem'},
	'imapd-ssl' => {TLS_PROTOCOL => 'TLSv1', TLS_DHPARAMS => 'dh1024.pem', TLS_MIN_DH_BITS => '1024', TLS_TIMEOUT => '2'},
	'pop3d-ssl' => {TLS_CIPHER_LIST => 'ECDHE-RSA-AES256-GCM-SHA384', TLS_DHPARAMS => 'dh1024.pem'},
);
my $check = $t->command('courier', '-C', $t->path(''), 'check');
is $?, 0, 'old names are no faults' or diag($check);
like $check, qr/TLS_PRIORITY has no effect here: .*GnuTLS/, 'MTA-0615: TLS_PRIORITY: told that it does nothing';
like $check, qr/TLS_CACHEFILE has no effect here: .*tickets/, 'MTA-0622: TLS_CACHEFILE: the same';
$t->start;

# ---- versions
is version('smtp', '-tls1_2'), 'TLSv1.2', 'MTA-0615: TLSv1.2++: that';
is version('smtp'), 'TLSv1.3', '... and higher';
is version('smtp', '-tls1_1', @all), '', '... not lower';
is version('submission', '-tls1_1', @all), 'TLSv1.1', 'MTA-0615: TLSv1.1+';
is version('submission', '-tls1', @all), '', '... not lower';
is version('imaps', '-tls1', @all), 'TLSv1', 'TLSv1';
is version('smtps', '-tls1_2', @{$shows[0]}), '', 'TLSv1.3: nothing lower';
is version('smtps', @{$shows[0]}), 'TLSv1.3', '... but that';
is Courier::Tls::cipher(client('pop3s', '-tls1_2')), 'ECDHE-RSA-AES256-GCM-SHA384', 'MTA-0615: TLS_CIPHER_LIST: the cipher';
is version('pop3s', '-tls1_2', '-cipher', 'ECDHE-RSA-AES128-GCM-SHA256'), '', '... and no other';

# ---- Diffie-Hellman
sub dh_bits {
	my ($service, @args) = @_;
	return client($service, '-tls1_2', '-cipher', 'DHE-RSA-AES128-GCM-SHA256:@SECLEVEL=0', @args) =~ /^(?:Server|Peer) Temp Key: DH, (\d+) bits/m ? $1 : 0;
}
is dh_bits('smtp'), 3072, 'MTA-0618: the group of TLS_DHPARAMS';
is dh_bits('submission'), 4096, 'MTA-0615: TLS_MIN_DH_BITS: a group that is large enough';
is dh_bits('imaps'), 1024, '... or a small one where that is allowed';
is dh_bits('pop3s', '-cipher', 'ALL:@SECLEVEL=0'), 0, 'a list without such ciphers';
is scalar($t->log_lines(qr/pop3d: TLS_DHPARAMS: '\S+dh1024.pem' has no .*smaller than TLS_MIN_DH_BITS/)) > 0, 1, 'a group that is too small is told';
is scalar($t->log_lines(qr/esmtpd-ssl: TLS_DHPARAMS: '\S+missing.pem' has no parameters/)) > 0, 1, '... and a file that is not there';

# ---- client certificates.  In TLS 1.3 the server's refusal comes behind the handshake.
sub ehlo {
	my ($service, @args) = @_;
	my $port = $t->port($service);
	my $start = $service eq 'submission' ? '-starttls smtp' : '';
	my $out = qx((sleep 0.7; printf 'EHLO after\\nQUIT\\n'; sleep 0.7) | timeout 10 openssl s_client -quiet -crlf -connect 127.0.0.1:$port $start @args 2>&1);
	return $out =~ /^250[ -]PIPELINING/m ? 'served' : 'refused';
}
is ehlo('submission'), 'served', 'MTA-0620: PEER: without a certificate';
is ehlo('submission', @{$shows[0]}), 'served', '... with one that MTA-0619: TLS_TRUSTCERTS (a folder) knows';
is ehlo('submission', @{$shows[1]}), 'refused', "... a stranger's";
is ehlo('smtps'), 'refused', 'MTA-0620: REQUIREPEER: without a certificate';
is ehlo('smtps', @{$shows[0]}), 'served', '... with one that MTA-0619: TLS_TRUSTCERTS (a file) knows';
is ehlo('smtps', @{$shows[1]}), 'refused', "... a stranger's";
unlike client('smtp'), qr/Acceptable client certificate CA names|Client Certificate Types/, 'NONE: nobody is asked';

# ---- names of protocols
sub alpn {
	my ($service, $names, @args) = @_;
	my $out = client($service, '-alpn', $names, @args);
	return 'refused' if $out =~ /no application protocol/i;
	return $out =~ /^ALPN protocol: (\S+)/m ? $1 : $out =~ /^No ALPN negotiated/m ? 'none' : "? $out";
}
for (['smtp', 'smtp'], ['imap', 'imap'], ['imaps', 'imap'], ['pop3', 'pop3'], ['pop3s', 'pop3']) {
	my ($service, $name) = @$_;
	is alpn($service, $name), $name, "MTA-2813: $service: its own name";
	is alpn($service, "x-unknown,$name"), $name, '... among others';
	for my $other (grep {$_ ne $name} 'smtp', 'imap', 'pop3', 'http/1.1', 'h2', 'x-unknown') {
		is alpn($service, $other), 'refused', "... not $other";
	}
	is alpn($service, "http/1.1", '-tls1_2'), 'refused', '... nor in TLS 1.2';
}
is alpn('smtp', 'esmtp'), 'esmtp', 'esmtp';
is alpn('smtps', 'http/1.1', @{$shows[0]}), 'none', 'MTA-2813: TLS_ALPN empty: names do not matter';

# ---- time: bytes that trickle in do not extend it
sub half_open {
	my ($service, $port, $say, $answer) = @_;
	my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) or die $!;
	$s->autoflush(1);
	for my $line (@$say) {
		readline $s;
		print $s "$line\r\n";
	}
	readline $s if $answer;
	my $begin = time;
	my $hello = "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" . "x" x 500;
	local $SIG{PIPE} = 'IGNORE';
	for my $i (0 .. 60) {
		last unless syswrite $s, substr $hello, $i, 1;
		my $r = '';
		vec(my $in = '', fileno $s, 1) = 1;
		last if select($in, undef, undef, 0.25) && !sysread $s, $r, 100;
	}
	return time - $begin;
}
for (['smtp', ['STARTTLS'], 1], ['imaps', [], 0]) {
	my ($service, $say, $answer) = @$_;
	my $took = half_open($service, $t->port($service), $say, $answer);
	ok $took >= 1 && $took < 12, "TLS_TIMEOUT: $service: a handshake that never ends is ended" or diag("$took s");
}
ok $t->log_lines(qr/timeout,relay=::ffff:127\.0\.0\.1/), '... and said';

# ---- STARTTLS that is not wanted
$t->configure(esmtpd => {COURIERTLS => ''});
Courier::Tls::reload($t);
ok $t->wait_for(15, sub {
	my $s = $t->connect('smtp');
	$t->smtp_reply($s);
	return $t->smtp($s, 'EHLO c') !~ /^250[- ]STARTTLS/m && $t->smtp($s, 'STARTTLS') =~ /^502 /;
}), 'MTA-0613: an empty COURIERTLS: no STARTTLS';
is version('smtps', @{$shows[0]}), 'TLSv1.3', '... but port 465';
is $t->stop, '', 'stops';

# ---- faults
for (['TLS_PROTOCOL', 'SSL3'], ['TLS_PROTOCOL', 'TLSv1.2+++'], ['TLS_VERIFYPEER', 'MAYBE'], ['TLS_CIPHER_LIST', 'NO-SUCH'], ['TLS_MIN_DH_BITS', '100'], ['TLS_ALPN', 'x' x 300]) {
	my ($name, $value) = @$_;
	$t->configure(esmtpd => {$name => $value});
	my $out = $t->command('courier', '-C', $t->path(''), 'check');
	ok $? && $out =~ /$name/, "$name=" . substr($value, 0, 20) . ': a fault' or diag($out);
	$t->configure(esmtpd => {TLS_PROTOCOL => 'TLSv1.2', TLS_VERIFYPEER => 'NONE', TLS_CIPHER_LIST => '', TLS_MIN_DH_BITS => 2048, TLS_ALPN => 'smtp'});
}
done_testing;
