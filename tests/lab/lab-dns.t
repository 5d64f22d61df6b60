# slow
# T30: what a real name server and a real resolver say of a domain, and what becomes of mail for it:
# delivered, kept, or returned, and with which status.
use strict;
use warnings;
use lib 'tests/lib', 'tests/lab/lib';
use Lab;
use Test::More;

my $lab = Lab->new;
# the root delegates them to who is no authority, to nobody, or to who has lost the file
$lab->zone('.', 'lame. NS ns.other.', 'ns.other. A 192.0.2.54', 'dead. NS ns.gone.', 'ns.gone. A 192.0.2.99',
	'truncated. NS ns.short.', 'ns.short. A 192.0.2.55', 'silent. NS ns.silent.', 'ns.silent. A 192.0.2.56');
$lab->zone('b.test', '@ MX 10 mail', 'mail A 192.0.2.20');
$lab->zone('c.test', 'www CNAME b.test.', 'tocname MX 10 cn', 'cn CNAME mail.b.test.',
	'loop CNAME pool', 'pool CNAME loop', (map {"c$_ CNAME c" . ($_ + 1)} 1 .. 7), 'c8 CNAME b.test.',
	'null MX 0 .', 'literal MX 10 192.0.2.20.', 'six AAAA 2001:db8::20', 'four A 192.0.2.20',
	'both MX 10 both.host', 'both.host A 192.0.2.20', 'both.host AAAA 2001:db8::20',
	'gonehost MX 10 not.there', 'unsure MX 10 not.there', 'unsure MX 20 x.lame.',
	'second MX 10 x.lame.', 'second MX 20 mail.b.test.', 'nothing TXT "none"',
	(map {"many MX $_ mx$_.a-name-that-is-long-so-that-it-fills-the-answer.c.test."} 1 .. 200),
	(map {"mx$_.a-name-that-is-long-so-that-it-fills-the-answer A 192.0.2.20"} 1 .. 200),
	'self A 127.0.0.1', 'zero A 0.0.0.0', 'cast A 255.255.255.255', 'group A 224.0.0.1', 'self6 AAAA ::1',
	'mapped AAAA ::ffff:127.0.0.1', 'half MX 10 localhost', 'half MX 20 mail.b.test.', 'localhost A 127.0.0.1');
$lab->zone('broken.test');
$lab->{zones}{'broken.test'} = undef;
my $dns = $lab->dns;
$dns->authority($lab->host('192.0.2.54'), 'elsewhere.test' => ['@ A 192.0.2.1']);
# all that these two ever say: "too long, ask by TCP", where nobody listens; and nothing
my $short = $lab->host('192.0.2.55');
$short->background(sub {
	my $s = IO::Socket::IP->new(LocalHost => '192.0.2.55', LocalPort => 53, Proto => 'udp', Type => Socket::SOCK_DGRAM()) or die $@;
	while (my $from = $s->recv(my $bytes, 4096)) {
		my $q = Net::DNS::Packet->new(\$bytes) or next;
		my $reply = $q->reply;
		$reply->header->tc(1);
		$reply->header->rcode('NOERROR');
		$reply->header->aa(1);
		$s->send($reply->data, 0, $from);
	}
});
$lab->host('192.0.2.56')->background(sub {
	my $s = IO::Socket::IP->new(LocalHost => '192.0.2.56', LocalPort => 53, Proto => 'udp', Type => Socket::SOCK_DGRAM()) or die $@;
	1 while $s->recv(my $bytes, 4096);
});
my $b = $lab->smtp(['192.0.2.20', '2001:db8::20']);

my $a = $lab->courier('a.test', ['192.0.2.10', '2001:db8::10'], config => {esmtpd => {BOFHCHECKDNS => 0}},
	files => {esmtptimeoutconnect => "3s\n", queuetime => "1h\n"})->start;
my @rows = (
	['b.test', 'success'], ['www.c.test', 'success'], ['c1.c.test', 'success'], ['tocname.c.test', 'success'],
	['six.c.test', 'success', qr/2001:db8::20/], ['four.c.test', 'success'], ['both.c.test', 'success'],
	['many.c.test', 'success'], ['second.c.test', 'success'],
	['null.c.test', 'failure', '5.1.10'], ['literal.c.test', 'failure', '5.4.4'], ['nothing.c.test', 'failure', '5.4.4'],
	['absent.c.test', 'failure', '5.1.2'], ['no-such-tld', 'failure', '5.1.2'], ['gonehost.c.test', 'failure', '5.4.4'],
	['self.c.test', 'failure', '5.4.6'], ['self6.c.test', 'failure', '5.4.6'], ['mapped.c.test', 'failure', '5.4.6'],
	['zero.c.test', 'failure', '5.4.6'], ['half.c.test', 'failure', '5.4.6'],
	['loop.c.test', 'deferred', '4.4.3'], ['unsure.c.test', 'deferred', '4.4.3'], ['x.lame', 'deferred', '4.4.3'],
	['broken.test', 'deferred', '4.4.3'], ['x.dead', 'deferred', '4.4.3'], ['x.truncated', 'deferred', '4.4.3'],
	['x.silent', 'deferred', '4.4.3'],
);
my %said = ('5.1.10' => qr/null MX/, '5.4.4' => qr/no mail host|RFC 1035/, '5.1.2' => qr/no such domain/, '5.4.6' => qr/loops back/,
	'4.4.3' => qr/look-up of \S+ failed for now/);
like($a->send('alice@a.test', [map {"x\@$_->[0]"} @rows], "Subject: to all\n\n1\n"), qr/^250/, 'accepted');
for my $row (@rows) {
	my ($domain, $outcome, $what) = @$row;
	my $log = join "\n", $a->settled("x\@$domain", 60);
	subtest $domain => sub {
		like($log, qr/status: $outcome/, $outcome);
		like($log, $said{$what // ''} // $what // qr/delivered: \S+ \[192\.0\.2\.20\]/, 'why');
	};
}

# the report has the numbers
my $report = $a->wait_mail('alice', qr/x\@null\.c\.test/) // '';
my %failed = map {$_->[0] => $_->[2]} grep {$_->[1] eq 'failure'} @rows;
for my $domain (sort keys %failed) {
	my ($block) = $report =~ /^(Final-Recipient: rfc822; *x\@\Q$domain\E\n(?:.+\n)+)/m;
	like($block // '', qr/^Status: \Q$failed{$domain}\E$/m, "$domain: $failed{$domain}");
}
is(join(' ', $b->commands) =~ /x\@null/ ? 'asked' : '', '', 'nothing went where nothing may go');
done_testing;
