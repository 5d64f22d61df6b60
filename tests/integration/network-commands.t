#!/usr/bin/perl
# Commands of the network side: esmtpd and its kin, certificates, DH parameters.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use IO::Socket::INET;
use Test::More;
use Courier::Test;

my $t = Courier::Test->new(users => ['alice']);
my $etc = $t->path('etc');
sub slurp { my ($f) = @_; open my $fh, '<', $f or return ''; local $/; return scalar <$fh> // '' }
sub answers { my ($p) = @_; return IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $t->port($p), Timeout => 5) && 1 }

# ---- certificates
unlink "$etc/esmtpd.pem"; # init has made one
is($t->command('mkesmtpdcert'), '', 'MTA-2814: a certificate');
my $pem = slurp("$etc/esmtpd.pem");
like($pem, qr/BEGIN (EC )?PRIVATE KEY.*BEGIN CERTIFICATE|BEGIN CERTIFICATE.*BEGIN (EC )?PRIVATE KEY/s, 'MTA-2814, MTA-2816: key and certificate in one file');
is(sprintf('%04o', (stat "$etc/esmtpd.pem")[2] & 07777), '0600', 'MTA-2814, MTA-2816: for its owner alone');
is((stat _)[4], $> == 0 ? (getpwnam 'courier-key')[2] : $>, 'MTA-2814: who is the key process');
like(`openssl x509 -in $etc/esmtpd.pem -noout -subject -issuer 2>&1`, qr/^subject=(.*)\nissuer=\1$/m, 'MTA-2814: signed by itself');
like($t->command('mkesmtpdcert'), qr/already exists/, 'MTA-2814: never over another');
is($? >> 8, 1, 'MTA-2814: and 1');
is(slurp("$etc/esmtpd.pem"), $pem, 'MTA-2814: which stays');
chmod 0644, "$etc/esmtpd.pem";
$t->start;
like($t->log, qr/esmtpd\.pem/, 'MTA-2816: a key that others may read is spoken of') or diag $t->log;
chmod 0600, "$etc/esmtpd.pem";

# ---- DH parameters
is($t->command('mkdhparams'), '', 'MTA-2815: parameters');
my $dh = slurp("$etc/dhparams.pem");
like($dh, qr/^-----BEGIN DH PARAMETERS-----/, 'MTA-2815: in etc/dhparams.pem');
like(`openssl dhparam -in $etc/dhparams.pem -text -noout 2>&1`, qr/2048 bit/, 'MTA-2815: of 2048 bits');
my $day = 24 * 3600;
utime time - 24 * $day, time - 24 * $day, "$etc/dhparams.pem";
{
	local $ENV{DH_BITS} = 3072;
	is($t->command('mkdhparams'), '', 'MTA-2815: young ones');
	is(slurp("$etc/dhparams.pem"), $dh, 'MTA-2815: stay');
	utime time - 26 * $day, time - 26 * $day, "$etc/dhparams.pem";
	is($t->command('mkdhparams'), '', 'MTA-2815: old ones');
	like(`openssl dhparam -in $etc/dhparams.pem -text -noout 2>&1`, qr/3072 bit/, 'MTA-2815: are made anew, with DH_BITS');
	local $ENV{TLS_DHPARAMS} = "$etc/other.pem";
	$t->command('mkdhparams');
	ok(-s "$etc/other.pem", 'MTA-2815: TLS_DHPARAMS');
	local $ENV{DH_BITS} = 'many';
	unlink "$etc/other.pem";
	like($t->command('mkdhparams'), qr/^mkdhparams: DH_BITS='many'/, 'MTA-2815: a bad length');
	is($? >> 8, 1, 'MTA-2815: is refused');
	ok(!-e "$etc/other.pem", 'and nothing is made');
}

# ---- start, stop, restart
ok(answers('smtp'), 'MTA-0701: the server runs with the mail system');
my $s = $t->connect('smtp');
like($t->smtp_reply($s), qr/^220/, 'a session');
$t->command('esmtpd', 'restart');
is($?, 0, 'MTA-0701: esmtpd restart');
ok($t->wait_for(20, sub { answers('smtp') }), 'MTA-0701: it answers');
like($t->smtp($s, 'EHLO still.there'), qr/^250|^421/m, 'MTA-0701: sessions are finished with a word');
$t->command('esmtpd', 'stop');
is($?, 0, 'MTA-0701: esmtpd stop');
ok($t->wait_for(20, sub { my $c = IO::Socket::INET->new('127.0.0.1:' . $t->port('smtp')) // return 1; my $b = ''; vec($b, fileno $c, 1) = 1; !select $b, undef, undef, 1 }), 'MTA-0701: nobody answers') ;
$t->command('esmtpd', 'start');
is($?, 0, 'MTA-0701: esmtpd start');
ok($t->wait_for(20, sub { my $c = IO::Socket::INET->new('127.0.0.1:' . $t->port('smtp')) or return; $t->smtp_reply($c) =~ /^220/ }), 'MTA-0701: and it answers again');
done_testing;
