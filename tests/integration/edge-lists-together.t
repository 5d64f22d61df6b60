#!/usr/bin/perl
# Lists of the DNS are asked in parallel, and their answers are kept: a name server that says nothing until it has
# the questions of all lists at hand, and counts them.  MTA-0741
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Courier::Test;
use File::Temp ();
use IO::Select;
use IO::Socket::INET;
use Socket qw(SOCK_DGRAM);
use Time::HiRes qw(time);
eval { require Net::DNS; 1 } or plan skip_all => 'Net::DNS is missing';

my @lists = map {"l$_.test"} 1 .. 8;
my $counted = File::Temp->new(TMPDIR => 1);
my $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Proto => 'udp') or die "cannot listen: $@";
my $pid = fork // die "fork: $!";
if (!$pid) {
	alarm 250;
	my (%zones, @held);
	while (my $from = $socket->recv(my $bytes, 4096)) {
		my $packet = Net::DNS::Packet->new(\$bytes) or next;
		my ($q) = $packet->question;
		my ($client, $zone) = lc($q->qname) =~ /^(\d+)\.0\.0\.127\.(l\d+\.test)$/;
		my $reply = $packet->reply;
		$reply->header->ra(1);
		$reply->header->rcode('NOERROR');
		if (!$zone) { # a name of a client
			$reply->header->rcode('NXDOMAIN');
			$socket->send($reply->data, 0, $from);
			next;
		}
		syswrite $counted, "$client $zone " . $q->qtype . "\n";
		if ($client == 2 && $zone eq 'l8.test') {
			$reply->push(answer => Net::DNS::RR->new($q->qname . '. 300 ' . ($q->qtype eq 'A' ? 'A 127.0.0.2' : 'TXT "the last one"')));
		} else { # kept as long as its SOA says
			$reply->header->rcode('NXDOMAIN');
			$reply->push(authority => Net::DNS::RR->new("$zone. 300 SOA ns.$zone. x.$zone. 1 300 300 300 300"));
		}
		push @held, [$reply->data, $from];
		$zones{"$client $zone"} = 1;
		next if (() = grep {/^\Q$client\E /} keys %zones) < @lists;
		$socket->send(@$_[0], 0, $_->[1]) for splice @held;
	}
	require POSIX;
	POSIX::_exit(0);
}
END { kill 'KILL', $pid if $pid }

sub asked { my ($client) = @_; open my $f, '<', $counted->filename or die; return grep {/^$client /} <$f> }

my $t = Courier::Test->new(users => ['alice'],
	config => {esmtpd => {BOFHCHECKDNS => 0, BLACKLISTS => join(' ', map {"-block=$_"} @lists)}, courierd => {GATE_WORKERS => 1}},
	files => {resolver => '127.0.0.1@' . $socket->sockport . "\n"});
$t->start;

sub rcpt {
	my ($client) = @_;
	my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $t->port('smtp'), LocalAddr => "127.0.0.$client") or die "no connection: $@";
	$s->autoflush(1);
	$t->smtp_reply($s);
	my @r = map {$t->smtp($s, $_)} 'EHLO c.test', 'MAIL FROM:<x@far.test>', 'RCPT TO:<alice@example.test>';
	return $r[2];
}

like(rcpt(2), qr/^571 5\.7\.1 the last one\r/, 'MTA-0741: eight lists are asked at once: the last one counts') or diag $t->log;
my @first = asked(2);
my %seen;
$seen{$_}++ for @first;
cmp_ok(scalar(keys %seen), '>=', 8, 'each of them');
like(rcpt(2), qr/^571 5\.7\.1 the last one\r/, 'the client comes again');
is(join('', asked(2)), join('', @first), '... and nobody is asked: the answers are kept');
like(rcpt(3), qr/^250 /, 'a client in no list');
my @third = asked(3);
like(rcpt(3), qr/^250 /, '... again');
is(join('', asked(3)), join('', @third), '... that it is in none is kept, too');
is($t->stop, '', 'stops');
done_testing;
