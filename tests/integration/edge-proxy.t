#!/usr/bin/perl
# MTA-0719: the PROXY protocol, versions 1 and 2, from listed balancers only.
use strict;
use warnings;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Courier::Test;
use Courier::Tls;
use IO::Socket::INET;
use Socket qw(inet_aton inet_pton AF_INET6);
eval { require Net::DNS; 1 } or plan skip_all => 'Net::DNS is missing';
require Courier::FakeDNS;

my $dns = Courier::FakeDNS->new('99.2.0.192.in-addr.arpa PTR' => ['client.test.'], 'client.test A' => ['192.0.2.99']);
my $t = Courier::Test->new(users => ['alice'],
	config => {esmtpd => {TARPIT => 0, BOFHCHECKDNS => 0, HAPROXY_FROM => "127.0.0.2 127.0.0.16/30",
		MAXPERIP => 2, TCPDOPTS => '-haproxy=3'},
		'esmtpd-msa' => {MAXPERIP => 50, AUTH_REQUIRED => 0, TCPDOPTS => '-haproxy/port=1'},
		'esmtpd-ssl' => {TCPDOPTS => '-haproxy'}},
	files => {resolver => $dns->resolver, 'vhost.198.51.100.25' => '', 'me.198.51.100.25' => "second.test\n",
		'smtpaccess/default' => "192.0.2.66\tdeny\n127\tallow\n192.0.2.77\tallow,RELAYCLIENT\n"});
Courier::Tls::install($t, $_->[0], Courier::Tls::certificate($t->scratch, $_->[1])->{pem})
    for ['esmtpd.pem', 'first.test'], ['esmtpd.pem.198.51.100.25', 'second.test'];
$t->start;
local $SIG{PIPE} = 'IGNORE';

sub dial {
	my ($from, $port) = @_;
	my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port || $t->port('smtp'), LocalAddr => $from, Timeout => 10)
	    or die "no connection: $@";
	$s->autoflush(1);
	return $s;
}

sub v1 { my ($client, $local) = @_; return "PROXY TCP4 $client " . ($local || '198.51.100.1') . " 4711 25\r\n" }
my $signature = "\r\n\r\n\0\r\nQUIT\n";
sub v2 {
	my ($client, $tlv) = @_;
	my $six = $client =~ /:/;
	my $a = $six ? inet_pton(AF_INET6, $client) . inet_pton(AF_INET6, '2001:db8::25')
	    : inet_aton($client) . inet_aton('198.51.100.1');
	$a .= pack('nn', 4711, 25) . ($tlv || '');
	return $signature . "\x21" . ($six ? "\x21" : "\x11") . pack('n', length $a) . $a;
}

sub talk {
	my ($header, @commands) = @_;
	my $s = dial('127.0.0.2');
	print $s $header;
	my $r = $t->smtp_reply($s);
	return ($r, map { $t->smtp($s, $_) } @commands);
}

my @to = ('EHLO c.test', 'MAIL FROM:<x@far.test>', 'RCPT TO:<z@elsewhere.test>');
like((talk(v1('192.0.2.77'), @to))[3], qr/^250/, 'MTA-0719: version 1: the client behind the balancer may relay');
like((talk(v1('192.0.2.78'), @to))[3], qr/^513/, 'another may not');
like((talk(v1('192.0.2.66')))[0], qr/^571/, 'nor enter');
like((talk(v2('192.0.2.77'), @to))[3], qr/^250/, 'version 2');
like((talk(v2('192.0.2.77', "\x04\0\x05hello\x02\0\x04mx.x"), @to))[3], qr/^250/, 'with TLVs, which are skipped');
like((talk(v2('2001:db8::1'), @to))[3], qr/^513/, 'IPv6');
like((talk(v1('192.0.2.78', '198.51.100.25')))[0], qr/^220 second\.test /, 'virtual hosts go by the address the client has called');
like((talk($signature . "\x20\0\0\0", @to))[3], qr/^513/, 'LOCAL: the balancer itself');
like((talk("PROXY UNKNOWN\r\n", @to))[3], qr/^513/, 'UNKNOWN: likewise');
my $s = dial('127.0.0.17');
for my $byte (split //, v2('192.0.2.77')) { syswrite $s, $byte; select undef, undef, undef, 0.005 }
like($t->smtp_reply($s), qr/^220/, 'byte by byte, from a listed network');
close $s;

# what is behind the header is the session's
$s = dial('127.0.0.2');
print $s v1('192.0.2.99') . "EHLO c.test\r\nMAIL FROM:<x\@far.test>\r\nRCPT TO:<alice\@example.test>\r\nDATA\r\n";
$t->smtp_reply($s) for 1 .. 5;
print $s "Subject: through\r\n\r\nx\r\n";
like($t->smtp($s, '.'), qr/^250/, 'a message');
my $m = $t->wait_mail('alice', qr/^Subject: through$/m);
like($m, qr/^Received: from c\.test \(client\.test \[192\.0\.2\.99\]\)\n\s+\(PROXY: 127\.0\.0\.2\)$/m,
	'MTA-0734: Received names the client, its name, and the balancer') or diag $m;
ok(scalar($t->log_lines(qr/started,ip=\[::ffff:192\.0\.2\.99\],port=\[4711\],session=\S+,proxy=127\.0\.0\.2\z/)), 'so does the log');

# hostile and silent ones
for my $bad ("EHLO c.test\r\n", "PROXY TCP4 1.2.3.4\r\n", "PROXY TCP4 192.0.2.77 198.51.100.1 4711 25\n", $signature . "\x21\x11\xff\xff",
	"PROXY " . 'x' x 200, "\0" x 300) {
	$s = dial('127.0.0.2');
	print $s $bad;
	my $got = join '', <$s>;
	is($got, '', 'no header, no word: ' . join '', map { /[ -~]/ ? $_ : '.' } split //, substr $bad, 0, 30);
}
my $begun = time;
$s = dial('127.0.0.2');
is(join('', <$s>), '', 'silence');
cmp_ok(time - $begun, '<', 8, 'ends after the time of -haproxy');
ok(scalar($t->log_lines(qr/balancer 127\.0\.0\.2 is closed: no PROXY header came in time/)), 'and the log says why');

# nobody else is believed
$s = dial('127.0.0.5');
like($t->smtp_reply($s), qr/^220/, 'others are clients like any');
like($t->smtp($s, v1('192.0.2.77') =~ s/\r\n//r), qr/^5/, 'whose PROXY is no command');
$s = dial('127.0.0.2', $t->port('submission'));
like($t->smtp_reply($s), qr/^220/, 'MTA-0719: /port= says where balancers are expected');

# limits count the client, not the balancer
my @held = map { my $s = dial('127.0.0.2'); print $s v1("192.0.2.$_"); $s } 101 .. 108;
is(scalar(grep { $t->smtp_reply($_) =~ /^220/ } @held), 8, 'eight clients through one balancer, with MAXPERIP=2');
my @same = map { my $s = dial('127.0.0.2'); print $s v1('192.0.2.110'); $s } 1 .. 3;
is(scalar(grep { $t->smtp_reply($_) =~ /^220/ } @same), 2, 'one of them has two connections');

# TLS at once behind the header
SKIP: {
	eval { require IO::Socket::SSL; 1 } or skip 'IO::Socket::SSL is missing', 7;
	my $s = dial('127.0.0.2', $t->port('smtps'));
	print $s v2('192.0.2.77');
	my $tls = IO::Socket::SSL->start_SSL($s, SSL_verify_mode => 0, Timeout => 10);
	like($tls ? $t->smtp_reply($tls) : IO::Socket::SSL::errstr(), qr/^220/, 'TLS at once behind a PROXY header');
	# the certificate is that of the address which the client has called; each time another client, for
	# the one before may still be counted (MAXPERIP)
	my $client = 100;
	for my $case (['198.51.100.25', 'second.test'], ['198.51.100.26', 'first.test'], [undef, 'first.test']) {
		my ($called, $name) = @$case;
		for my $port ('smtps', 'smtp') {
			$s = $called ? dial('127.0.0.2', $t->port($port)) : dial('127.0.0.9', $t->port($port));
			print $s v1('192.0.2.' . ++$client, $called) if $called;
			if ($port eq 'smtp') {
				$t->smtp_reply($s);
				$t->smtp($s, 'EHLO c.test');
				$t->smtp($s, 'STARTTLS');
			}
			$tls = IO::Socket::SSL->start_SSL($s, SSL_verify_mode => 0, Timeout => 10);
			is($tls ? $tls->peer_certificate('cn') : IO::Socket::SSL::errstr(), $name,
				'MTA-0719: the certificate for ' . ($called || 'who comes without a balancer') . " at $port");
		}
	}
}
done_testing;
