#!/usr/bin/perl
# Where the ESMTP server listens, and how its three files lie on each other.
use strict;
use warnings;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Courier::Test;
use IO::Socket::IP;

my @hold = map { IO::Socket::IP->new(LocalHost => '127.0.0.1', LocalPort => 0, Listen => 1, ReuseAddr => 1) } 1 .. 5;
my ($one, $two, $msa, $ssl, $all) = map { $_->sockport } @hold;
close $_ for @hold;

my $t = Courier::Test->new(users => ['alice'], config => {
	esmtpd => {TARPIT => 0, BOFHCHECKDNS => 0, PORT => "127.0.0.2.$one, $two", ADDRESS => '127.0.0.1', ESMTP_LINE_MAX => 1000,
		BOFHNOVRFY => 1, BOFHNOEXPN => 1, ESMTP_LOG_DIALOG => 1, PATH => '/usr/bin:/bin', SHELL => '/bin/sh', ULIMIT => 32768,
		MAILUSER => 'courier', MAILGROUP => 'courier', PIDFILE => '/run/courier/esmtpd.pid'},
	'esmtpd-msa' => {PORT => $msa, AUTH_REQUIRED => 0, BOFHNOVRFY => 0},
	'esmtpd-ssl' => {SSLPORT => $ssl, SSLADDRESS => '127.0.0.3', ESMTP_LINE_MAX => 3000, AUTH_REQUIRED => 0}},
	files => {'smtpaccess/default' => "127\tallow\n"});
# the instance's own file sets ADDRESS: without that line esmtpd's holds
my $file = $t->path('etc/esmtpd-msa');
my $text = do { local (@ARGV, $/) = $file; <> };
$t->file('etc/esmtpd-msa', $text =~ s/^ADDRESS=.*\n//mgr);
# a port by its name, where the system knows one that is free
my ($service) = grep { my $p = getservbyname($_, 'tcp'); $p && $p > 1024 && IO::Socket::IP->new(LocalHost => '127.0.0.4', LocalPort => $p, Listen => 1, ReuseAddr => 1) }
    qw(dict amanda zabbix-agent fsp radmin-port);
$t->configure(esmtpd => {PORT => "127.0.0.2.$one, $two, 127.0.0.4.$service"}) if $service;
$t->start;

sub dial {
	my ($host, $port) = @_;
	my $s = IO::Socket::IP->new(PeerHost => $host, PeerPort => $port, Timeout => 5) or return;
	$s->autoflush(1);
	return $s;
}
sub greeted { my $s = dial(@_) or return ''; return $t->smtp_reply($s) // '' }

# MTA-0625 MTA-0725: a list of ports, some with an address; MTA-0624 MTA-0709: ADDRESS for the others
like(greeted('127.0.0.2', $one), qr/^220/, 'MTA-0625 MTA-0725: ADDRESS.PORT');
is(greeted('127.0.0.1', $one), '', 'is that address alone');
like(greeted('127.0.0.1', $two), qr/^220/, 'MTA-0624 MTA-0709: a port alone is on ADDRESS');
is(greeted('127.0.0.2', $two), '', 'and on no other');
like(greeted('127.0.0.1', $msa), qr/^220/, 'MTA-0643: esmtpd-msa has its own PORT');
is(greeted('127.0.0.2', $msa), '', 'MTA-0643: and the ADDRESS of esmtpd');
SKIP: {
	skip 'no service with a name', 1 if !$service;
	like(greeted('127.0.0.4', scalar getservbyname($service, 'tcp')), qr/^220/, 'MTA-0725: a port by its name');
}

# MTA-0643: what is set in esmtpd holds for the others until they say otherwise
my $long = 'NOOP ' . 'x' x 1500;
sub dialog {
	my ($port, @commands) = @_;
	my $s = dial('127.0.0.1', $port) or return;
	$t->smtp_reply($s);
	return map { $t->smtp($s, $_) } 'EHLO c.test', @commands;
}
like((dialog($two, $long))[1], qr/^5/, 'a line that is too long for esmtpd');
like((dialog($msa, $long))[1], qr/^5/, 'MTA-0643: is too long for esmtpd-msa');
my @r = dialog($two, 'VRFY alice', 'EXPN alice');
like($r[1], qr/^252/, 'MTA-0606: BOFHNOVRFY');
like($r[2], qr/^252/, 'MTA-0605: BOFHNOEXPN');
like((dialog($msa, 'VRFY alice'))[1], qr/^250/, 'MTA-0643: esmtpd-msa says otherwise');

# MTA-0640 MTA-0641 MTA-0642: esmtpd-ssl
SKIP: {
	eval { require IO::Socket::SSL; 1 } or skip 'IO::Socket::SSL is missing', 5;
	my $s = IO::Socket::SSL->new(PeerHost => '127.0.0.3', PeerPort => $ssl, SSL_verify_mode => 0, Timeout => 10);
	ok($s, 'MTA-0640: SSLPORT and SSLADDRESS') or skip 'no TLS', 4;
	like($t->smtp_reply($s), qr/^220/, 'greets under TLS');
	my $ehlo = $t->smtp($s, 'EHLO c.test');
	unlike($ehlo, qr/^250[- ]STARTTLS/m, 'MTA-0641: no STARTTLS where TLS is on');
	like($ehlo, qr/^250[- ]AUTH .*PLAIN/m, 'MTA-0641: mechanisms of ESMTPAUTH_TLS');
	like($t->smtp($s, $long), qr/^250/, 'MTA-0642: esmtpd-ssl is read on top of esmtpd');
	ok(!IO::Socket::SSL->new(PeerHost => '127.0.0.1', PeerPort => $ssl, Timeout => 3), 'not on another address');
}

# MTA-0611: the dialogue in the log, without passwords
dialog($two, 'AUTH PLAIN AGFsaWNlAHNlY3JldA==');
ok($t->wait_for(5, sub { scalar($t->log_lines(qr/dialog,.* > EHLO c\.test/)) }), 'MTA-0611: what the client says');
ok(scalar($t->log_lines(qr/dialog,.* < 250/)), 'MTA-0611: what it hears');
ok(!$t->log_lines(qr/AGFsaWNl/), 'and no password');

# MTA-0601 MTA-0603 MTA-0623 MTA-0633: what means nothing here is told, and harms nothing
my $check = $t->command('courier', '-C', $t->path(''), 'check');
is($?, 0, 'files with names of the original are sound');
for my $name (qw(PATH SHELL ULIMIT MAILUSER MAILGROUP PIDFILE)) {
	my @n = $check =~ /^.*etc\/esmtpd:\d+: .*\b$name has no effect here: .*$/mg;
	is(scalar(@n), 1, "$name: one line says that it has no effect") or diag $check;
}

# MTA-0638 MTA-0639: START flags; MTA-0725: all addresses of both families
$t->stop;
my $six = IO::Socket::IP->new(LocalHost => '::1', LocalPort => 0, Listen => 1);
$t->configure(esmtpd => {PORT => $all, ADDRESS => 0}, 'esmtpd-msa' => {ESMTPDSTART => 'NO'}, 'esmtpd-ssl' => {ESMTPDSSLSTART => 'NO'});
$t->start;
like(greeted('127.0.0.1', $all), qr/^220/, 'MTA-0725: ADDRESS=0: IPv4');
SKIP: {
	skip 'no IPv6 here', 1 if !$six;
	like(greeted('::1', $all), qr/^220/, 'MTA-0725: and IPv6');
}
is(greeted('127.0.0.1', $msa), '', 'MTA-0638: ESMTPDSTART=NO');
is(greeted('127.0.0.3', $ssl), '', 'MTA-0639: ESMTPDSSLSTART=NO');
done_testing;
