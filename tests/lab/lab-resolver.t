# slow
# T31 V24: the resolver is down at the start and comes back; name servers that lie.
use strict;
use warnings;
use lib 'tests/lib', 'tests/lab/lib';
use IO::Socket::IP;
use Lab;
use Net::DNS;
use Socket ();
use Test::More;
use Time::HiRes qw(time);

my $lab = Lab->new;
$lab->zone('a.test', '@ MX 10 mail', 'mail A 192.0.2.10');
$lab->zone('b.test', '@ MX 10 mail', 'mail A 192.0.2.20');
$lab->zone('.', 'lies. NS ns.liar.', 'ns.liar. A 192.0.2.66');
my $dns = $lab->dns;
$dns->stop_resolver;
my $good = $lab->smtp('192.0.2.20');
my $evil = $lab->smtp('192.0.2.67');
my $a = $lab->courier('a.test', '192.0.2.10', files => {esmtpdelay => "0\n"});

# ---- nobody answers
my $began = time;
$a->start;
cmp_ok(time - $began, '<', 20, 'it starts without a resolver');
like($a->send('alice@a.test', 'bob@a.test', "Subject: at home\n\n1\n"), qr/^250/, 'local mail is taken');
ok($a->wait_mail('bob', qr/at home/), 'and delivered');
like($a->send('x@b.test', 'bob@a.test', "Subject: from far\n\n1\n"), qr/^4/, 'a sender nobody can look up: later');
like($a->send('alice@a.test', 'x@b.test', "Subject: kept\n\n1\n"), qr/^250/, 'mail for others is taken');
like(join("\n", $a->settled('x@b.test', 60)), qr/status: deferred/, 'and kept');
$dns->start_resolver;
ok($a->flush_until(40, sub { grep {/kept/} $good->messages }), 'the resolver is back, without a restart here') or diag($a->log);
ok($a->wait_for(20, sub { $a->send('x@b.test', 'bob@a.test', "Subject: from far\n\n1\n") =~ /^250/ }), 'senders are known again');

# ---- a liar
# What it sends for each question of lies.: an answer with a wrong id, then the truth with records of
# others' zones beside it; for names that begin with "w", the answer to another question only.
my $liar = $lab->host('192.0.2.66');
my $s = $liar->in(sub { IO::Socket::IP->new(LocalHost => '192.0.2.66', LocalPort => 53, Proto => 'udp', Type => Socket::SOCK_DGRAM()) or die $@ });
my $lie = sub {
	my ($truth) = @_;
	while (my $from = $s->recv(my $bytes, 4096)) {
		my $ask = Net::DNS::Packet->new(\$bytes) or next;
		my ($q) = $ask->question or next;
		my ($name, $type) = (lc $q->qname, $q->qtype);
		my $reply = sub { my $r = $ask->reply; $r->header->rcode('NOERROR'); $r->header->aa(1); $r->header->ra(1); return $r };
		my $false = $reply->();
		$false->push(answer => Net::DNS::RR->new("$name. 60 $type " . ($type eq 'MX' ? '10 evil.lies.' : '192.0.2.67'))) if $type =~ /^(?:MX|A)$/;
		$false->header->id($ask->header->id ^ 1);
		$s->send($false->data, 0, $from);
		if ($name =~ /^w/) {
			my $other = Net::DNS::Packet->new('b.test', $type);
			$other->header->id($ask->header->id);
			$other->header->qr(1);
			$other->push(answer => Net::DNS::RR->new('b.test. 600 MX 10 evil.lies.'));
			$s->send($other->data, 0, $from);
			open my $told, '>', "$ENV{TMPDIR}/lied" or die;
			next;
		}
		my $real = $reply->();
		my $answer = $truth->{"$name $type"};
		$real->push(answer => Net::DNS::RR->new("$name. 60 $type $answer")) if $answer;
		$real->push(additional => Net::DNS::RR->new('mail.b.test. 600 A 192.0.2.67'));
		$real->push(authority => Net::DNS::RR->new($answer ? 'b.test. 600 NS evil.lies.' : 'lies. 5 SOA ns.liar. p.lies. 1 5 5 5 5'));
		$real->push(answer => Net::DNS::RR->new('b.test. 600 MX 1 evil.lies.')) if $answer;
		$s->send($real->data, 0, $from);
	}
};
$liar->background(sub { $lie->({'d.lies MX' => '10 mail.b.test.', 'e.lies A' => '192.0.2.20'}) });
$a->send('alice@a.test', $_, "Subject: truth\n\n1\n") for 'x@w.lies', 'x@d.lies', 'x@e.lies';
$a->settled("x\@$_.lies") for qw(w d e);
$a->send('alice@a.test', 'y@b.test', "Subject: truth\n\n1\n");
for my $to ('x@e.lies', 'y@b.test') {
	like(join("\n", $a->settled($to)), qr/\[192\.0\.2\.20\]/, "$to goes the right way") or diag(join "\n", $a->log_lines(qr/\Q$to\E/));
}
my $log = join "\n", $a->settled('x@w.lies');
like($log, qr/status: deferred/, 'the answer to another question is none');
like($log, qr/DNS look-up of w\.lies failed for now/, '... so that there is none, which the log says') or diag $log;
ok(-e "$ENV{TMPDIR}/lied", '... although he was asked, and said something');
like(join("\n", $a->settled('x@d.lies')), qr/status: (?:success|deferred)/, 'x@d.lies at the worst later');
is(scalar $evil->connections, 0, 'nobody was sent to the liar');

# the same liar as our own resolver: his word counts for what he is asked, wrong ids and others' names don't
$a->file('etc/resolver', "192.0.2.66\@53\n");
$a->restart;
$a->send('alice@a.test', 'z@e.lies', "Subject: direct\n\n1\n");
like(join("\n", $a->settled('z@e.lies')), qr/\[192\.0\.2\.20\]/, 'asked directly: the right answer is taken') or diag(join "\n", $a->log_lines(qr/z\@/));
$a->send('alice@a.test', 'z@b.test', "Subject: poison\n\n1\n");
like(join("\n", $a->settled('z@b.test')), qr/status: (?:deferred|failure)/, 'what was said beside it is not believed');
is(scalar $evil->connections, 0, 'nobody was sent to the liar');
done_testing;
