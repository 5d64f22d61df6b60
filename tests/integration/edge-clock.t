#!/usr/bin/perl
# slow
# T36: the clock jumps while the ESMTP server works: back an hour, on a day, ten years, to 1970, over the end of
# 32 bits, a second twice, and into and out of summer time.  Sessions, time-outs, delays, logins, TLS and mail
# go on as if nothing had happened, and nothing that the DNS said lasts for years.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Courier::Test;
use Courier::Faults;
use Courier::Timeshift;
use IO::Select;
use IO::Socket::SSL;
use MIME::Base64;
use Time::HiRes qw(time sleep);
eval { require Net::DNS; 1 } or plan skip_all => 'Net::DNS is missing';
require Courier::FakeDNS;

Courier::Faults::become_ordinary();
local $ENV{TZ} = 'Europe/Berlin';
my %zone = ('mx.far.test A' => ['127.0.0.9'], 'far.test MX' => ['10 mx.far.test']);
my $dns = Courier::FakeDNS->new(%zone, 'turns.test MX' => [Net::DNS::RR->new('turns.test. 3 MX 0 .')]);
my $port = $dns->{port};
my $t = Courier::Test->new(users => ['alice', 'bob'],
	config => {esmtpd => {MAXPERIP => 1000, ESMTP_SESSION_TIMEOUT => '1h'}},
	files => {resolver => $dns->resolver, esmtptimeout => "9\n", bofh => "opt BOFHCHECKDNS=1\n"});
my $clock = Courier::Timeshift->new;
$clock->start($t);

sub hello {
	my ($service) = @_;
	my $s = $t->connect($service || 'smtp');
	$t->smtp_reply($s);
	$t->smtp($s, 'EHLO c.test');
	return $s;
}

sub sender {
	my ($from) = @_;
	my $s = hello();
	return $t->smtp($s, "MAIL FROM:<$from>");
}

my $resumes = IO::Socket::SSL::SSL_Context->new(SSL_verify_mode => 0, SSL_session_cache_size => 10, SSL_version => 'TLSv1_2');
sub secure {
	my $s = IO::Socket::SSL->new(PeerAddr => '127.0.0.1', PeerPort => $t->port('smtps'), Timeout => 15,
		SSL_reuse_ctx => $resumes) or return "no TLS: $IO::Socket::SSL::SSL_ERROR";
	$t->smtp_reply($s);
	$t->smtp($s, 'EHLO c.test');
	return $t->smtp($s, 'AUTH PLAIN ' . encode_base64("\0alice\@example.test\0$Courier::Test::PASSWORD", ''));
}

# What goes on over a jump: each of them was begun before it.
sub over {
	my ($name, $jump) = @_;
	my ($idle, $text, $chunk, $slow, $silent, $login) = map {hello()} 1 .. 6;
	for my $s ($text, $chunk) {
		$t->smtp($s, $_) for 'MAIL FROM:<x@far.test>', 'RCPT TO:<alice@example.test>';
	}
	$t->smtp($text, 'DATA');
	print $text "Subject: $name\r\n\r\nin ";
	print $chunk "BDAT 60\r\nSubject: $name, chunk\r\n\r\n";
	$login = hello('submission');
	print $slow "WHAT\r\nWHAT\r\n"; # a delay of one second and one of two
	my $begun = time;
	my $silent_since = time;
	$t->smtp($silent, 'NOOP');
	$jump->();
	like($t->smtp($idle, 'NOOP'), qr/^250 /, "$name: a session goes on");
	like($t->smtp($text, "between\r\n."), qr/^250 /, "$name: so does a message");
	like($t->smtp($chunk, 'y' x (60 - length("Subject: $name, chunk\r\n\r\n") - 2)), qr/^250 /, "$name: and a chunk");
	like($t->smtp($chunk, "BDAT 0 LAST"), qr/^250 /, "$name: to the end");
	like($t->smtp_reply($slow), qr/^500 /, "$name: a delayed answer");
	like($t->smtp_reply($slow), qr/^500 /, "$name: and another");
	my $took = time - $begun;
	ok($took > 2 && $took < 60, "$name: delays are as long as ever") or diag $took;
	like($t->wait_mail('alice', qr/^Subject: \Q$name\E$/m) // '', qr/^in between$/m, "$name: delivered");
	my ($date) = ($t->wait_mail('alice', qr/^Subject: \Q$name\E, chunk$/m) // '') =~ /^Received: .*?; (.*?)$/ms;
	my $years = join '|', map {(gmtime($clock->now + $_))[5] + 1900} -86400, 86400;
	like($date // '', qr/ (?:$years) /, "$name: Received has the clock's year");
	like(secure(), qr/^235 /, "$name: TLS and a login");
	ok(time - $silent_since > 8 || !IO::Select->new($silent)->can_read(0), "$name: who is silent has its time");
	return $silent;
}

my $year = 365.25 * 86400;
my @silent;
my @jumps = (
	['an hour back' => sub { $clock->set(-3600) }],
	['a day on' => sub { $clock->set(86400) }],
	['ten years on' => sub { $clock->set(10 * $year) }],
	['to 1970' => sub { $clock->set_to(1000) }],
	['over 2038' => sub { $clock->set_to(2**31 - 2); sleep 0.2 }],
	['into summer' => sub { $clock->set_to(1806195599) }], # 2027-03-28, 01:59:59
	['out of summer' => sub { $clock->set_to(1824944399) }], # 2027-10-31, 02:59:59
	['a second twice' => sub { $clock->set($clock->{shift} - 1) }],
	['now again' => sub { $clock->set(0) }],
);
for my $j (@jumps) {
	my ($name, $jump) = @$j;
	push @silent, [over($name, $jump), $name];
}
for my $x (@silent) {
	my ($s, $name) = @$x;
	my $reply = $t->smtp_reply($s);
	like($reply, qr/^421 /, "$name: who is silent is sent away");
}

# ---- what the DNS has said -------------------------------------------------------------------------
$clock->set(10 * $year);
sleep 3;
like(sender('x@turns.test'), qr/^517-5/, 'a domain without mail, asked when the clock was wrong') for 1 .. 4;
$dns->stop;
$dns = Courier::FakeDNS->new(%zone, port => $port, 'turns.test MX' => ['10 mx.far.test']);
$clock->set(0);
ok($t->wait_for(30, sub { (grep {/^250 /} map {sender('x@turns.test')} 1 .. 6) == 6 }), 'the clock is put right: the answer does not last ten years')
    or diag($t->log);
ok(scalar($t->log_lines(qr/the clock was set back by 3155\d+ seconds: what was known of the DNS is forgotten/)), 'the log tells');

# ---- other name servers: courier reload
my $other = Courier::FakeDNS->new(%zone, 'only.test MX' => ['10 mx.far.test']);
like(sender('x@only.test'), qr/^517-5/, 'a domain that the name server does not know') for 1 .. 4;
$t->file('etc/resolver', $other->resolver);
$t->command('courier', '-C', $t->path(''), 'reload');
ok($t->wait_for(30, sub { (grep {/^250 /} map {sender('x@only.test')} 1 .. 6) == 6 }), 'another name server counts from a reload on');
$t->file('etc/resolver', "nonsense\n");
$t->command('courier', '-C', $t->path(''), 'reload');
like(sender('x@only.test'), qr/^250 /, 'a faulty file changes nothing') for 1 .. 4;
is($t->stop, '', 'a stop');
done_testing;
