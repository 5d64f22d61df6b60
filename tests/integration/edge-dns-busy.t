#!/usr/bin/perl
# slow
# T29 T30: many senders whose domains' name servers are dead, so that the resolver takes its time before it says so:
# others, whose domains are well, do not wait for them.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Courier::Test;
use IO::Select;
use IO::Socket::INET;
use Time::HiRes qw(time);
eval { require Net::DNS; 1 } or plan skip_all => 'Net::DNS is missing';

my $late = 8; # seconds until the resolver gives up on a dead domain
my $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Proto => 'udp') or die "cannot listen: $@";
my $pid = fork // die "fork: $!";
if (!$pid) {
	alarm 250;
	my $select = IO::Select->new($socket);
	my @held;
	while (1) {
		while (@held && $held[0][0] <= time) {
			my $h = shift @held;
			$socket->send($h->[1], 0, $h->[2]);
		}
		$select->can_read(0.05) or next;
		my $from = $socket->recv(my $bytes, 4096) or next;
		my $packet = Net::DNS::Packet->new(\$bytes) or next;
		my ($q) = $packet->question;
		my $reply = $packet->reply;
		$reply->header->ra(1);
		$reply->header->rcode('NOERROR');
		if ($q->qname =~ /dead\.test$/) {
			$reply->header->rcode('SERVFAIL');
			push @held, [time + $late, $reply->data, $from];
			next;
		}
		$reply->push(answer => Net::DNS::RR->new($q->qname . '. 60 A 127.0.0.9')) if $q->qtype eq 'A';
		$socket->send($reply->data, 0, $from);
	}
}
END { kill 'KILL', $pid if $pid }

my $t = Courier::Test->new(users => ['alice'],
	config => {esmtpd => {TARPIT => 0, BOFHCHECKDNS => 1, MAXPERIP => 1000, MAXPERC => 1000, TCPDOPTS => '-nodnslookup'}, courierd => {GATE_WORKERS => 1}},
	files => {resolver => '127.0.0.1@' . $socket->sockport . "\n"});
$t->start;

sub hello {
	my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $t->port('smtp'), LocalAddr => '127.0.0.2') or die "no connection: $@";
	$s->autoflush(1);
	$t->smtp_reply($s);
	$t->smtp($s, 'EHLO c.test');
	return $s;
}

my @dead = map {hello()} 1 .. 300;
print {$dead[$_]} "MAIL FROM:<x\@d$_.dead.test>\r\n" for 0 .. $#dead;
my ($before, $waiting) = (0, IO::Select->new(@dead));
for my $n (1 .. 20) {
	my $s = hello();
	like($t->smtp($s, "MAIL FROM:<x\@g$n.good.test>"), qr/^250 /, "a good domain, $n");
	$before++ if !$waiting->can_read(0);
}
# all twenty, unless the machine is slow; who waits for the dead ones is none of them
cmp_ok($before, '>=', 4, 'nobody waits for the dead ones, which are still asked');
is((grep {$t->smtp_reply($_) =~ /^417[- ]/} @dead) + 0, 300, 'who is asked in vain comes again');
is($t->stop, '', 'stops');
done_testing;
