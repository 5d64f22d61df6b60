# slow
# T34: mail with REQUIRETLS (RFC 8689) to domains whose hosts an MTA-STS policy or DNSSEC vouches for: it
# leaves over TLS that is verified, or comes back with 5.7.30; never in clear, never to a stranger.
use strict;
use warnings;
use lib 'tests/lib', 'tests/lab/lib';
use Lab;
use Test::More;
use Courier::Test;
use IO::Socket::IP;

open my $shipped, '<', Courier::Test::prefix() . '/share/courier/etc/courierd' or die "courierd: $!";
plan skip_all => 'this build has no MTA-STS' if !grep {/STS_HTTPS_PORT/} <$shipped>;
plan skip_all => 'Net::DNS::SEC or IO::Socket::SSL is missing' if !Lab::Sign::usable() || !eval { require IO::Socket::SSL };
require Courier::FakeHTTPS;

my $dir = $ENV{TMPDIR};
my @policies = qw(sts old both stsbad);
my @names = qw(sts.test old.test both.test signed.test plain.test stsbad.test forged.test);
system("cd '$dir' && openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=lab -addext 'subjectAltName="
	. join(',', (map {"DNS:mta-sts.$_.test"} @policies), map {"DNS:mail.$_"} @names) . "' -keyout k.pem -out trust.pem >/dev/null 2>&1"
	. " && cat k.pem trust.pem >both.pem && chmod 644 trust.pem"
	. " && openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=else -addext subjectAltName=DNS:else.test -keyout e.pem -out else.pem >/dev/null 2>&1"
	. " && cat e.pem else.pem >other.pem");

my $lab = Lab->new;
$lab->zone('a.test', '@ MX 10 mail', 'mail A 192.0.2.10');
my %at = (sts => 20, old => 21, both => 22, signed => 23, plain => 24, stsbad => 25, signedbad => 26, forged => 27);
for my $name (keys %at) {
	$lab->zone("$name.test", '@ MX 10 mail', "mail A 192.0.2.$at{$name}", (grep {$_ eq $name} @policies) ? ('mta-sts A 192.0.2.80', '_mta-sts TXT "v=STSv1; id=1"') : ());
}
my $anchors = join '', map {$lab->sign("$_.test")} qw(both signed signedbad forged);
my $site = $lab->host('192.0.2.80');
my $web = $site->in(sub {
	Courier::FakeHTTPS->new(cert => "$dir/both.pem", on => {map {
		("mta-sts.$_.test" => [200, 'text/plain', "version: STSv1\nmode: enforce\nmx: mail.$_.test\nmax_age: 86400\n"])} @policies});
});
$site->forward(443, $web->port);
my @knows = ('STARTTLS', 'REQUIRETLS');
my %host = map {$_ => $lab->smtp("192.0.2.$at{$_}", cert => $dir . (/bad/ ? '/other.pem' : '/both.pem'), ehlo => [$_ eq 'old' ? 'STARTTLS' : @knows])} keys %at;
my $stranger = $lab->smtp('192.0.2.67', cert => "$dir/both.pem", ehlo => [@knows]);
$lab->dns;
my $a = $lab->courier('a.test', '192.0.2.10', users => ['alice'], config => {courierd => {TLS_TRUSTCERTS => "$dir/trust.pem", ESMTP_DNSSEC => 1}, esmtpd => {BOFHCHECKDNS => 0}},
	files => {esmtpdelay => "0\n", 'resolver.key' => $anchors})->start;

# A message with REQUIRETLS; what the log says of it.
my $n = 0;
sub outcome {
	my ($domain) = @_;
	my $to = 'x' . ++$n . "\@$domain.test";
	my $r = $a->in(sub {
		my $s = IO::Socket::IP->new(PeerHost => '127.0.0.1', PeerPort => 25, Type => Socket::SOCK_STREAM(), Timeout => 10) or return $@;
		my $say = sub { print $s "$_[0]\r\n" if $_[0]; return $a->{mail}->smtp_reply($s) };
		$say->($_) for '', 'EHLO here', 'STARTTLS';
		IO::Socket::SSL->start_SSL($s, SSL_verify_mode => 0) or return 'no TLS';
		my $ehlo = $say->('EHLO here');
		return "REQUIRETLS is not offered: $ehlo" if $ehlo !~ /REQUIRETLS/;
		for ('MAIL FROM:<alice@a.test> REQUIRETLS', "RCPT TO:<$to>", 'DATA') {
			my $reply = $say->($_);
			return "$_: $reply" if $reply !~ /^[23]/;
		}
		return $say->("Subject: secret $n\r\n\r\n1\r\n.");
	});
	return $r if $r !~ /^250/;
	my $log = join "\n", $a->settled($to);
	return $log =~ /status: (\w+)/ ? "$1 $log" : "nothing $log";
}
sub safely {
	my ($name) = @_;
	my @c = $host{$name}->commands;
	return (grep {$_ eq '*tls*'} @c) && (grep {/^MAIL .* REQUIRETLS/} @c) && $host{$name}->messages == 1;
}
sub comes_back {
	my ($name, $why, $what) = @_;
	my $log = outcome($name);
	like($log, qr/^failure/, $what) or diag $log;
	like($log, $why, '... the log says why') or diag $log;
	is(scalar $host{$name}->messages, 0, '... and it has not left');
	ok($a->wait_mail('alice', qr/^Status: 5\.7\.30\r?$(?s:.*)secret $n$|secret $n(?s:.*)^Status: 5\.7\.30/m), '... it comes back with 5.7.30');
}

for my $name ('sts', 'signed', 'both') {
	my $log = outcome($name);
	like($log, qr/^success.*mail\.$name\.test/s, "$name: the mail leaves") or diag $log;
	ok(safely($name), '... over TLS, with REQUIRETLS') or diag join "\n", $host{$name}->commands;
}
comes_back('plain', qr/plain DNS/, 'nothing but plain DNS: it comes back');
comes_back('old', qr/does not know REQUIRETLS/, 'a host of the policy that does not know REQUIRETLS');
comes_back('stsbad', qr/TLS failed.*certificate verify failed/, 'a host of the policy with a certificate of somebody else');
comes_back('signedbad', qr/TLS failed.*certificate verify failed/, 'a signed host with one');

# ---- the box in the middle answers for a signed domain what nobody has signed
$lab->{zones}{'forged.test'} = ['@ MX 5 evil.c.test.', '@ MX 10 mail', 'mail A 192.0.2.27'];
$lab->zone('c.test', 'evil A 192.0.2.67');
delete $lab->{signed}{'forged.test'};
$lab->dns;
my $log = outcome('forged');
like($log, qr/^deferred/, 'an answer that is not signed as it must be: mail waits') or diag $log;
is($stranger->connections, 0, '... and nobody is sent to the stranger');

# ---- a policy hides nothing: a stranger beside a host of the policy is not asked
$lab->{zones}{'sts.test'} = ['@ MX 5 evil.c.test.', '@ MX 10 mail', 'mail A 192.0.2.20', 'mta-sts A 192.0.2.80', '_mta-sts TXT "v=STSv1; id=1"'];
$lab->dns;
sleep 6;
$a->restart;
$log = outcome('sts');
like($log, qr/^success.*mail\.sts\.test/s, 'a poisoned MX beside the policy\'s host: the host of the policy has it') or diag $log;
is($stranger->connections, 0, '... the stranger was not asked');
done_testing;
