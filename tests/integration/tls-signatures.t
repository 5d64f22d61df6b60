#!/usr/bin/perl
# slow
# While the key process signs, and if it does not, nobody but the handshake that asked for it waits:
# its process serves others, and handshakes that are given up, refused or never answered leave nothing.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Courier::Test;
use Courier::Tls;
use IO::Select;
use IO::Socket::INET;
use IO::Socket::SSL;
use Time::HiRes qw(time sleep);

my $t = Courier::Test->new(config => {
	esmtpd => {TARPIT => 0},
	'esmtpd-ssl' => {TLS_TIMEOUT => 3},
	courierd => {ESMTPD_WORKERS => 1},
});
$t->start;
sub key_process { return (map {/^key\s+(\d+)/ ? $1 : ()} split /\n/, $t->command('courier', '-C', $t->path(''), 'security'))[0] }
sub works { my ($service) = @_; return Courier::Tls::s_client($t, $service, '-brief') =~ /established/i }

# A handshake begun, at the point where the server has to sign.
sub begin {
	my ($service) = @_;
	my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $t->port($service), Timeout => 10) or die $!;
	if ($service ne 'smtps') {
		$t->smtp_reply($s);
		$t->smtp($s, 'EHLO waits');
		like $t->smtp($s, 'STARTTLS'), qr/^220/, 'STARTTLS';
	}
	IO::Socket::SSL->start_SSL($s, SSL_verify_mode => 0, SSL_startHandshake => 0) or die $SSL_ERROR;
	$s->blocking(0);
	step($s);
	return $s;
}
sub step { my ($s) = @_; return $s->connect_SSL ? 'secure' : $SSL_ERROR == SSL_WANT_READ || $SSL_ERROR == SSL_WANT_WRITE ? 'waits' : 'failed' }

# What becomes of a handshake within so many seconds.
sub outcome {
	my ($s, $seconds) = @_;
	my $until = time + $seconds;
	my $is;
	sleep 0.05 while ($is = step($s)) eq 'waits' && time < $until;
	return $is;
}
sub stop_key { my $pid = key_process(); kill 'STOP', $pid or die "$pid: $!"; return $pid }

ok $t->wait_for(20, sub {works('smtps')}), 'TLS is there' or diag($t->log);

# ---- others are served meanwhile
my $key = stop_key();
my @waiting = map {begin('smtp')} 1 .. 6;
my $began = time;
my $plain = $t->connect('smtp');
$t->smtp_reply($plain);
like $t->smtp($plain, 'EHLO plain'), qr/^250/, 'the process speaks with others while signatures are made';
like $t->smtp($plain, 'MAIL FROM:<>'), qr/^250/, '... and takes their mail';
cmp_ok time - $began, '<', 4, '... at once';
is step($_), 'waits', 'a handshake waits' for @waiting[0, 5];
my $gone = shift @waiting;
close $gone;
my $reset = shift @waiting;
setsockopt $reset, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
close $reset;
kill 'CONT', $key;
is outcome($_, 10), 'secure', 'those that are still there get through' for @waiting;
like $t->smtp($plain, 'NOOP'), qr/^250/, 'the other connection lasts';
ok works('smtp'), 'nothing is left of those that went';

# ---- TLS_TIMEOUT, while the signature is on its way
$key = stop_key();
my $late = begin('smtps');
$began = time;
is outcome($late, 10), 'failed', 'TLS_TIMEOUT counts while a signature is waited for';
cmp_ok time - $began, '<', 4.8, '... before the key process is given up';
kill 'CONT', $key;
ok works('smtps'), '... and the signature that comes too late hurts nobody';
is key_process(), $key, '... of the same key process';

# ---- no answer at all
$key = stop_key();
@waiting = map {begin('smtp')} 1 .. 3;
is outcome($_, 15), 'failed', 'no answer: the handshake fails' for @waiting;
ok $t->wait_for(5, sub {$t->log_lines(qr/TLS: the key process does not answer/)}), '... and is told';
like $t->smtp($plain, 'NOOP'), qr/^250/, '... but the other connection lasts';
kill 'CONT', $key;
ok $t->wait_for(20, sub {works('smtp')}), 'TLS is back when the key process is';

# ---- the key process dies
$key = stop_key();
@waiting = map {begin('smtp')} 1 .. 3;
kill 'KILL', $key;
is outcome($_, 4), 'failed', 'the key process dies: the handshake fails' for @waiting;
like $t->smtp($plain, 'NOOP'), qr/^250/, '... but the other connection lasts';
ok $t->wait_for(20, sub {works('smtp')}), '... and TLS comes back';
isnt key_process(), $key, '... with another key process';

$t->stop;
ok !$t->log_lines(qr/panic|AddressSanitizer|killed by signal (?!9)/), 'nobody fell over';
done_testing;
