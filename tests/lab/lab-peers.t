# slow
# T29 T33: hosts that are slow on purpose, in both directions: they cost themselves, nobody else.
use strict;
use warnings;
use lib 'tests/lib', 'tests/lab/lib';
use IO::Select;
use IO::Socket::IP;
use Lab;
use Test::More;
use Time::HiRes qw(sleep time);

my $lab = Lab->new;
$lab->zone('a.test', '@ MX 10 mail', 'mail A 192.0.2.10');
$lab->zone('c.test', 'good A 192.0.2.30', 'drip A 192.0.2.31', 'endless A 192.0.2.32', 'sip A 192.0.2.33', 'client A 192.0.2.40');
$lab->dns;
my $good = $lab->smtp('192.0.2.30');

# Servers: what they do with each connection.
sub server {
	my ($address, $manners) = @_;
	my $host = $lab->host($address);
	my $s = $host->in(sub {
		IO::Socket::IP->new(LocalHost => $address, LocalPort => 25, Listen => 50, Type => Socket::SOCK_STREAM(), ReuseAddr => 1) or die $@;
	});
	$host->background(sub {
		$SIG{CHLD} = 'IGNORE';
		while (my $c = $s->accept) {
			next if fork;
			$c->autoflush(1);
			$SIG{PIPE} = 'DEFAULT';
			$manners->($c);
			require POSIX;
			POSIX::_exit(0);
		}
	});
}
my $slowly = sub { my ($c, $text) = @_; for (split //, $text) { print $c $_; sleep 1 } };
server('192.0.2.31', sub { $slowly->($_[0], "220 a greeting that takes its time\r\n") });
server('192.0.2.32', sub { my ($c) = @_; while (1) { print $c "220-and so on\r\n" or last; sleep 1 } });
# takes the message as through a straw
server('192.0.2.33', sub {
	my ($c) = @_;
	setsockopt $c, Socket::SOL_SOCKET(), Socket::SO_RCVBUF(), 2048;
	print $c "220 sip\r\n";
	while (defined(my $l = readline $c)) {
		print $c $l =~ /^DATA/ ? "354 go on\r\n" : "250 Ok\r\n";
		last if $l =~ /^DATA/;
	}
	sysread $c, my $byte, 1 or last while sleep 1;
});

my $a = $lab->courier('a.test', '192.0.2.10', files => {esmtptimeouthelo => "6s\n", esmtpdelay => "0\n", esmtptimeout => "6s\n", esmtptimeoutdata => "6s\n"},
	config => {esmtpd => {BOFHCHECKDNS => 0, MAXPERIP => 60}})->start;

# ---- we send
my $began = time;
$a->send('alice@a.test', 'x@drip.c.test', "Subject: drip\n\n1\n");
$a->send('alice@a.test', 'x@endless.c.test', "Subject: endless\n\n1\n");
$a->send('alice@a.test', 'x@sip.c.test', "Subject: sip\n\n" . ("0123456789abcdef" x 4 . "\n") x 60000);
for my $n (1 .. 20) {
	$a->send('alice@a.test', "x$n\@good.c.test", "Subject: quick $n\n\n1\n");
}
ok($a->wait_for(10, sub { (() = grep {/quick/} $good->messages) == 20 }), 'mail for others passes those that are slow');
cmp_ok(time - $began, '<', 12, 'at once');
for my $domain ('drip', 'endless') {
	my $log = join "\n", $a->settled("x\@$domain.c.test", 20);
	like($log, qr/timed out.*status: deferred/s, "$domain: a greeting has its time as a whole");
}
cmp_ok(time - $began, '<', 25, 'no byte makes it longer');

# ---- they send
my $slow = $lab->host('192.0.2.41');
my $client = $lab->host('192.0.2.40');
pipe my $from_slow, my $to_us;
$slow->background(sub {
	my (@c, %reply);
	for (1 .. 80) { # one after the other, so that it is known who comes too late
		my $s = IO::Socket::IP->new(PeerHost => '192.0.2.10', PeerPort => 25, Type => Socket::SOCK_STREAM(), Timeout => 5) || next;
		my ($code) = (readline($s) // '') =~ /^(\d+)/ or next;
		$reply{"greeting $code"}++;
		push @c, $s if $code eq '220';
	}
	syswrite $to_us, "begun\n";
	my @text = map {[split //, "EHLO " . ('slow' x 100) . ".test\r\n"]} @c;
	my $closed = 0;
	$SIG{PIPE} = 'IGNORE';
	my $select = IO::Select->new(@c);
	my $until = time + 25;
	my $next = 0;
	while ($select->count && time < $until) {
		for my $s ($select->can_read(0.2)) {
			my $n = sysread $s, my $text, 4096;
			$reply{$1}++ if $n && $text =~ /^(\d+)/;
			$select->remove($s) if !$n;
		}
		next if time < $next;
		$next = time + 1;
		for my $i (grep {$select->exists($c[$_])} 0 .. $#c) {
			syswrite $c[$i], shift @{$text[$i]} if @{$text[$i]};
		}
	}
	syswrite $to_us, join(', ', map {"$_: $reply{$_}"} sort keys %reply) . ', left: ' . $select->count . "\n";
});
close $to_us;
is(readline $from_slow, "begun\n", 'they have begun');
my @took = map {
	my $t = time;
	my $r = $client->in(sub {
		my $s = IO::Socket::IP->new(PeerHost => '192.0.2.10', PeerPort => 25, Type => Socket::SOCK_STREAM(), Timeout => 10) or return $@;
		my $all = '';
		for my $say ('', 'EHLO client.c.test', 'MAIL FROM:<x@client.c.test>', 'RCPT TO:<bob@a.test>', 'DATA', "Subject: in between $_\r\n\r\n1\r\n.", 'QUIT') {
			print $s "$say\r\n" if $say;
			$all = $a->{mail}->smtp_reply($s) if $say ne 'QUIT';
		}
		return $all;
	});
	like($r, qr/^250 /, 'a message among sixty slow clients');
	time - $t;
} 1 .. 5;
cmp_ok($_, '<', 5, 'in time') for @took;
is(readline $from_slow, "421: 60, greeting 220: 60, greeting 421: 20, left: 0\n",
	'MAXPERIP lets sixty in and tells the others so; each of the sixty has its time for a command as a whole, and is told, too');
$began = time;
is($a->stop, '', 'a stop');
cmp_ok(time - $began, '<', 15, 'does not wait for the slow');
done_testing;
