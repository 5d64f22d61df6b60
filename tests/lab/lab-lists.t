# slow
# T32: lists of addresses in the DNS that are down, answer for the whole world, or have lost their domain.
use strict;
use warnings;
use lib 'tests/lib', 'tests/lab/lib';
use IO::Socket::IP;
use Lab;
use Test::More;
use Courier::Test;
use Time::HiRes qw(time);

open my $shipped, '<', Courier::Test::prefix() . '/share/courier/etc/esmtpd' or die "esmtpd: $!";
plan skip_all => 'this build has no lists' if !grep {/BLACKLISTS/} <$shipped>;

my $lab = Lab->new;
$lab->zone('.', 'down. NS ns.down.', 'ns.down. A 192.0.2.99');
$lab->zone('a.test', '@ MX 10 mail', 'mail A 192.0.2.10');
$lab->zone('bl.test', '66.2.0.192 A 127.0.0.2', '66.2.0.192 TXT "known for spam"');
$lab->zone('world.test', '* A 127.0.0.2');
$lab->zone('parked.test', '* A 198.51.100.7');
$lab->zone('refused.test');
$lab->{zones}{'refused.test'} = undef;
$lab->dns;
my $a = $lab->courier('a.test', '192.0.2.10', config => {esmtpd => {BOFHCHECKDNS => 0,
	BLACKLISTS => '-block=list.down -block=refused.test -block=bl.test -block=parked.test,BLOCK2 -block=world.test,BLOCK3'}})->start;
my ($good, $bad) = map {$lab->host($_)} '192.0.2.40', '192.0.2.66';

sub rcpt {
	my ($host) = @_;
	return $host->in(sub {
		my $s = IO::Socket::IP->new(PeerHost => '192.0.2.10', PeerPort => 25, Type => Socket::SOCK_STREAM(), Timeout => 10) or return $@;
		my $r;
		$a->{mail}->smtp_reply($s);
		for my $say ('EHLO c.test', 'MAIL FROM:<x@c.test>', 'RCPT TO:<bob@a.test>') { $r = $a->{mail}->smtp($s, $say) }
		return $r;
	});
}
my $began = time;
like(rcpt($bad), qr/^5\d\d .*known for spam/, 'who is listed is refused, although two lists are down');
cmp_ok(time - $began, '<', 30, 'in bounded time');
like(rcpt($good), qr/^250 /, 'lists that are down, list the world or are parked stop nobody else') or diag($a->log);
# each gate finds out by itself that a list is down
my $quickest = 99;
for (1 .. 4) {
	$began = time;
	like(rcpt($good), qr/^250 /, 'again') if $_ == 1;
	rcpt($good) if $_ > 1;
	$quickest = time - $began if time - $began < $quickest;
}
cmp_ok($quickest, '<', 5, 'a list that is down delays the first ones only');
ok($a->log_lines(qr/world\.test/), 'the log says that a list lists the world') or diag($a->log);
ok($a->log_lines(qr/parked\.test.*no answer, or an error/), 'and that another one has nothing to say') or diag($a->log);
done_testing;
