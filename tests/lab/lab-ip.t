# slow
# T37: hosts with IPv6 alone, with IPv4 alone, behind a way that swallows packets, and a source
# address that this host does not have.
use strict;
use warnings;
use lib 'tests/lib', 'tests/lab/lib';
use Lab;
use Test::More;

my $lab = Lab->new;
$lab->zone('a.test', '@ MX 10 mail', 'mail A 192.0.2.10', 'mail AAAA 2001:db8::10');
$lab->zone('six.test', '@ MX 10 mail', 'mail AAAA 2001:db8::60');
$lab->zone('four.test', '@ MX 10 mail', 'mail A 192.0.2.40');
$lab->zone('c.test', 'both A 192.0.2.30', 'both AAAA 2001:db8::30', 'only A 192.0.2.30', 'hole A 192.0.2.30', 'hole AAAA 2001:db8::dead',
	'hole4 A 192.0.2.250', 'hole4 AAAA 2001:db8::30', 'hole6 AAAA 2001:db8::dead', 'lost AAAA 2001:db9::1', 'lost MX 10 lost', 'lost MX 20 both');
$lab->dns;
my $both = $lab->smtp(['192.0.2.30', '2001:db8::30']);
my %fast = (esmtptimeoutconnect => "2s\n", esmtpdelay => "0\n");
my $a = $lab->courier('a.test', ['192.0.2.10', '2001:db8::10'], files => {%fast})->start;
my $six = $lab->courier('six.test', '2001:db8::60', files => {%fast, resolver => "2001:db8::2\@53\n"})->start;
my $four = $lab->courier('four.test', '192.0.2.40', files => {%fast})->start;

my $n = 0;
sub goes {
	my ($from, $sender, $to, $expected, $what) = @_;
	$n++;
	my ($local, $domain) = split /@/, $to;
	my $address = $domain =~ /^(?:four|six|a)\.test$/ ? $to : "x$n\@$domain";
	$from->send($sender, $address, "Subject: ip $n\n\n1\n");
	like(join("\n", $from->settled($address)), $expected, $what) or diag(join "\n", $from->log_lines(qr/\Q$address\E/));
}

# the families
goes($a, 'alice@a.test', 'bob@six.test', qr/\[2001:db8::60\]/, 'to a host with IPv6 alone');
goes($a, 'alice@a.test', 'bob@four.test', qr/\[192\.0\.2\.40\]/, 'to a host with IPv4 alone');
goes($six, 'alice@six.test', 'bob@a.test', qr/\[2001:db8::10\]/, 'from a host with IPv6 alone, whose resolver has it too');
goes($four, 'alice@four.test', 'bob@a.test', qr/\[192\.0\.2\.10\]/, 'from a host with IPv4 alone');
goes($six, 'alice@six.test', 'x@both.c.test', qr/\[2001:db8::30\]/, 'IPv6 alone: the address of a host with two that can be reached');
goes($four, 'alice@four.test', 'x@both.c.test', qr/\[192\.0\.2\.30\]/, 'IPv4 alone: the same');
goes($six, 'alice@six.test', 'bob@four.test', qr/status: deferred/, 'IPv6 to IPv4: kept, not returned');
like($a->wait_mail('bob', qr/for <bob\@a\.test>|ip 3/) // '', qr/\[2001:db8::60\]/, 'Received names the IPv6 address');

# ways that are broken
$a->blackhole($_) for '2001:db8::dead', '192.0.2.250';
goes($a, 'alice@a.test', 'x@hole4.c.test', qr/\[2001:db8::30\]/, 'IPv4 is swallowed: IPv6 after the time');
goes($a, 'alice@a.test', 'x@hole6.c.test', qr/status: deferred/, 'nothing but a hole: later');
$a->sh('ip', '-6', 'route', 'add', 'unreachable', '2001:db9::/32');
goes($a, 'alice@a.test', 'x@lost.c.test', qr/\[192\.0\.2\.30\]/, 'no route: the next host');
$a->file('etc/courierd', "ESMTP_PREFER_IPV6_MX=1\n");
$a->restart;
goes($a, 'alice@a.test', 'x@both.c.test', qr/\[2001:db8::30\]/, 'IPv6 first, by setting');
goes($a, 'alice@a.test', 'x@hole.c.test', qr/\[192\.0\.2\.30\]/, 'and IPv4 when IPv6 is a hole');

# the address that mail should come from
$a->file('etc/ipout', "192.0.2.77\n");
$a->file('etc/courierd', '');
$a->restart;
goes($a, 'alice@a.test', 'x@only.c.test', qr/status: deferred/, 'a source address that is not here: later, not another one');
like(join("\n", $a->log_lines(qr/192\.0\.2\.77/)), qr/192\.0\.2\.77/, 'and the log names it') or diag(join "\n", $a->log_lines(qr/only/));
$a->sh('ip', 'addr', 'add', '192.0.2.77/24', 'dev', 'eth0');
ok($a->flush_until(20, sub { grep {/^Subject: ip $n\r?$/m} $both->messages }), 'it comes back, and the mail goes') or diag($a->log);
is(join(' ', $both->sender_of(qr/^Subject: ip $n\r?$/m)), '::ffff:192.0.2.77 mail.a.test', 'from there');
done_testing;
