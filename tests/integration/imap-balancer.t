#!/usr/bin/perl
# TCPDOPTS of IMAP (IMAP-0024): the PROXY protocol of balancers, for IMAP and POP3; the access table by our
# end of a connection (-accesslocal), and DEFDOMAIN and DOMAINSEP, by setting and by table (IMAP-0027 IMAP-0028).
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Courier::Test;
use IO::Socket::INET;
use IO::Socket::SSL ();

my $password = $Courier::Test::PASSWORD;
my $t = Courier::Test->new(users => ['alice', 'bob'], config => {authdaemonrc => {AUTH_FAIL_DELAY => 0},
	imapd => {HAPROXY_FROM => '127.0.0.9 127.0.0.16/28', TCPDOPTS => '-haproxy=2 -accesslocal -nodnslookup', DEFDOMAIN => '@example.test', DOMAINSEP => '@%', MAXPERIP => 3},
	pop3d => {HAPROXY_FROM => '127.0.0.9'},
	'imapd-ssl' => {IMAP_TLS_REQUIRED => 0}});
my $imap = $t->port('imap');
$t->file('etc/imapaccess/default', "192.0.2.66\tdeny\n192.0.2.67\tallow,DEFDOMAIN=\@own.test\n127.0.0.1.$imap\tallow,DEFDOMAIN=\@nowhere.test\n");
$t->start;

sub dial {
	my ($service, $from, $header) = @_;
	my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $t->port($service), LocalAddr => $from, Timeout => 10) or die "no connection: $@";
	$s->autoflush(1);
	syswrite $s, $header if defined $header;
	return $s;
}
sub line {
	my ($s) = @_;
	local $SIG{ALRM} = sub { die "slow\n" };
	my $l = eval { alarm 15; readline $s };
	alarm 0;
	return $@ ? '(nothing came)' : $l // '';
}
sub ask {
	my ($s, $text) = @_;
	print $s "$text\r\n";
	my ($said, $l) = ('', '');
	while (($l = line($s)) ne '') { $said .= $l; last if $l =~ /^(?:a |\(|\+OK|-ERR)/ }
	return $said;
}
sub v1 { my ($from, $port) = @_; return "PROXY TCP4 $from 203.0.113.5 $port 143\r\n" }

# ---- balancers --------------------------------------------------------------------------------

my $s = dial('imap', '127.0.0.9', v1('192.0.2.10', 5000));
like line($s), qr/^\* OK/, 'IMAP-0024: a connection with a PROXY header';
like ask($s, 'a LOGIN alice@example.test wrong'), qr/^a NO/m, '... a failed login';
ok $t->log_lines(qr/LOGIN FAILED, user=alice\@example\.test, .*ip=\[::ffff:192\.0\.2\.10\], port=\[5000\], protocol=IMAP/), 'IMAP-0024: ... is the client\'s, not the balancer\'s';
like ask($s, "a LOGIN alice\@example.test $password"), qr/^a OK/m, '... a good one';
ok $t->wait_for(20, sub { $t->log_lines(qr/ LOGIN, user=alice\@example\.test, ip=\[::ffff:192\.0\.2\.10\], port=\[5000\], protocol=IMAP/) }), '... too';
close $s;
$s = dial('imap', '127.0.0.17', v1('192.0.2.66', 5000));
is line($s), '', 'the access table counts for the client that the header names';
ok $t->log_lines(qr/connection refused, ip=\[::ffff:192\.0\.2\.66\]: imapaccess/), '... and the log says so';
$s = dial('imap', '127.0.0.9', "LOGIN, I say\r\n");
is line($s), '', 'what is no header ends it';
ok $t->log_lines(qr/a connection from the balancer ::ffff:127\.0\.0\.9 is closed: what it says is no PROXY header/), '... told';
$s = dial('imap', '127.0.0.9');
is line($s), '', 'so does silence, after the seconds of -haproxy';
ok $t->log_lines(qr/no PROXY header came in time/), '... told';
$s = dial('imap', '127.0.0.40', v1('192.0.2.10', 5000));
like line($s), qr/^\* OK/, 'who is not listed is no balancer: he is greeted';
like ask($s, 'a NOOP'), qr/^PROXY BAD|BAD.*^a OK/ms, '... and what he says is no command';
$s = dial('imap', '127.0.0.9', "PROXY UNKNOWN\r\n");
like line($s), qr/^\* OK/, 'the balancer itself';
close $s;
$s = dial('imap', '127.0.0.9');
syswrite $s, substr(v1('192.0.2.11', 5001), 0, 20);
select undef, undef, undef, 0.2;
syswrite $s, substr(v1('192.0.2.11', 5001), 20) . "a NOOP\r\n";
like line($s), qr/^\* OK/, 'a header in two pieces, and a command behind it';
like line($s), qr/^a OK/, '... which is answered';
close $s;
my @held = map {dial('imap', '127.0.0.9', v1('192.0.2.20', 6000 + $_))} 1 .. 5;
is scalar(grep {line($_) =~ /^\* OK/} @held), 3, 'MAXPERIP counts clients, not balancers';
@held = ();
# TLS at once behind the header
$s = dial('imaps', '127.0.0.9', v1('192.0.2.12', 7000));
ok +(IO::Socket::SSL->start_SSL($s, SSL_verify_mode => 0, Timeout => 10)), 'TLS behind the header';
like line($s), qr/^\* OK/, '... greets';
like ask($s, "a LOGIN alice\@example.test $password"), qr/^a OK/m, '... logs in';
close $s;
ok $t->wait_for(20, sub { $t->log_lines(qr/ LOGIN, user=alice\@example\.test, ip=\[::ffff:192\.0\.2\.12\], port=\[7000\], protocol=IMAP, starttls=1/) }), '... as the client';
$s = dial('pop3', '127.0.0.9', v1('192.0.2.13', 7001));
like line($s), qr/^\+OK/, 'POP3 behind a balancer';
like ask($s, 'QUIT'), qr/^\+OK/, '... speaks';

# ---- domains -----------------------------------------------------------------------------------

$s = dial('imap', '127.0.0.1');
line($s);
like ask($s, "a LOGIN alice $password"), qr/^a NO/m, 'IMAP-0027: -accesslocal: DEFDOMAIN of our end of the connection';
ok $t->log_lines(qr/LOGIN FAILED, user=alice\@nowhere\.test/) || $t->log_lines(qr/LOGIN FAILED, user=alice\b/), '... told';
like ask($s, "a LOGIN alice\@example.test $password"), qr/^a OK/m, 'IMAP-0027: a whole name is left alone';
close $s;
$s = dial('imap', '127.0.0.9', v1('192.0.2.10', 5002));
line($s);
like ask($s, "a LOGIN bob%nowhere $password"), qr/^a NO/m, 'IMAP-0028: DOMAINSEP: a name with another separator is left alone';
like ask($s, "a LOGIN alice $password"), qr/^a OK/m, 'IMAP-0027: DEFDOMAIN: appended where the table says nothing';
close $s;
$s = dial('imap', '127.0.0.9', v1('192.0.2.67', 5003));
line($s);
like ask($s, "a LOGIN alice $password"), qr/^a NO/m, 'IMAP-0027: the client\'s own entry';
close $s;
for (['TCPDOPTS', '-nonsense'], ['HAPROXY_FROM', 'nobody']) {
	my ($name, $value) = @$_;
	my $file = $t->path('etc/imapd');
	my $sound = do { local (@ARGV, $/) = $file; <> };
	$t->configure(imapd => {$name => $value});
	my $said = $t->command('courier', '-C', $t->path(''), 'check');
	ok $? && $said =~ /$name/, "IMAP-0024: $name=$value is a fault" or diag $said;
	$t->file('etc/imapd', $sound);
}
is(join("\n", $t->log_lines(qr/died of signal|Sanitizer: |runtime error:/)), '', 'nothing died');
is $t->stop, '', 'stops';
done_testing;
