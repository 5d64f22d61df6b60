#!/usr/bin/perl
# slow
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
is($t->command('mkdhparams'), '', 'MTA-2815 IMAP-0017: parameters');
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

# ---- each service for itself
sub greeted { my ($p) = @_; my $c = IO::Socket::INET->new('127.0.0.1:' . $t->port($p)) or return; my $l = $t->smtp_reply($c); return $l =~ /^220/ ? $c : undef }
sub refuses { my ($p) = @_; return $t->wait_for(20, sub { !IO::Socket::INET->new('127.0.0.1:' . $t->port($p)) }) }
sub port_line { my ($p) = @_; return scalar grep { /^\Q$p\E\s+\S+\s+closed$/ } split /\n/, $t->command('courier', 'status') }
sub pids { return join ' ', sort map { /^esmtpd\s+\d+\s+(\d+)/ ? $1 : () } split /\n/, $t->command('courier', 'status') }
sub says { my ($c, $what, $like, $name) = @_; like(eval { $t->smtp($c, $what) } // 'gone', $like, $name) }
my $smtp = greeted('smtp') or BAIL_OUT('no session at port 25');
my $msa = greeted('submission') or BAIL_OUT('no session at port 587');
says($_, 'EHLO a.test', qr/^250/m, 'a session') for $smtp, $msa;
my $before = pids();
for my $case (['esmtpd-msa', 'submission', 'MTA-0702'], ['esmtpd-ssl', 'smtps', 'MTA-0703'], ['esmtpd', 'smtp', 'MTA-0701']) {
	my ($command, $port, $id) = @$case;
	is($t->command($command, 'stop'), '', "$id: $command stop");
	ok(refuses($port), "$id: nobody answers there");
	ok(port_line($port), "$id: courier status says so");
	ok(answers($_), "$id: $_ does answer") for grep { $_ ne $port } qw(smtp submission smtps);
	says($msa, 'NOOP', qr/^421/, 'MTA-0702: its own session is told to go') if $port eq 'submission';
	says($smtp, 'NOOP', qr/^250/, "$id: sessions of port 25 go on") if $port ne 'smtp';
	is($t->command($command, 'restart') =~ /stopped/ ? 1 : 0, 1, "$id: restart does not open what was stopped");
	$t->command('courier', 'reload');
	$t->wait_for(20, sub { pids() !~ /\b(?:@{[join '|', split ' ', $before]})\b/ }) if $port eq 'submission';
	ok(refuses($port), "$id: it stays closed through a reload");
	is($t->command($command, 'start'), '', "$id: $command start");
	ok($t->wait_for(20, sub { answers($port) }), "$id: it answers again");
	ok(!port_line($port), "$id: says courier status");
	$smtp = greeted('smtp') and says($smtp, 'EHLO a.test', qr/^250/m, 'a session') if $port eq 'submission';
}
ok(greeted('submission'), 'MTA-0702: with a greeting');
ok(greeted('smtp'), 'MTA-0701: with a greeting');

# restart: new processes, and sessions of the others are not ended
$smtp = greeted('smtp');
$msa = greeted('submission');
says($_, 'EHLO b.test', qr/^250/m, 'a session') for $smtp, $msa;
$t->configure('esmtpd-msa' => {ESMTP_DISCARD => 'DSN'});
is($t->command('esmtpd-msa', 'restart'), '', 'MTA-0702: esmtpd-msa restart');
is($t->smtp_reply($msa) =~ /^421/ ? 1 : 0, 1, 'MTA-0702: its session is told to go');
says($smtp, 'NOOP', qr/^250/, 'MTA-0702: that of port 25 goes on');
ok($t->wait_for(20, sub { my $c = greeted('submission'); $c && $t->smtp($c, 'EHLO new') !~ /DSN/ }), 'MTA-0702: it answers again, by new settings');
says($smtp, 'QUIT', qr/^221/, 'MTA-0702: to its end');
is($t->command('esmtpd-ssl', 'restart'), '', 'MTA-0703: esmtpd-ssl restart');
ok($t->wait_for(20, sub { answers('smtps') }), 'MTA-0703: it answers');

# a closed port costs nothing: no process spins over what it has lost
$t->command('esmtpd-ssl', 'stop');
refuses('smtps');
sub ticks { my $n = 0; for my $pid (split ' ', pids()) { my @f = split ' ', slurp("/proc/$pid/stat") =~ s/^.*\) //r; $n += ($f[11] || 0) + ($f[12] || 0) } return $n }
my $ticks = ticks();
sleep 2;
cmp_ok(ticks() - $ticks, '<', 10, 'MTA-0703: workers sleep while a port is closed');
$t->command('esmtpd-ssl', 'start');

# IMAP-0001 IMAP-0002: the same for the mailbox servers
sub banner { my ($p) = @_; my $c = IO::Socket::INET->new('127.0.0.1:' . $t->port($p)) or return; return scalar(<$c> // '') =~ /OK/ && $c }
my %row = (pop3d => "POP-0001: ", "pop3d-ssl" => "POP-0002: ");
for my $case (['imapd', 'imap', 'imaps'], ['imapd-ssl', 'imaps', 'imap'], ['pop3d', 'pop3', 'pop3s'], ['pop3d-ssl', 'pop3s', 'pop3']) {
	my ($command, $port, $other) = @$case;
	my $row = $row{$command} // '';
	is($t->command($command, 'stop'), '', "$row$command stop");
	ok(refuses($port), "$row$command: nobody answers");
	ok(answers($other), "$command: but at $other");
	is($t->command($command, 'start'), '', "$row$command start");
	ok($t->wait_for(20, sub { answers($port) }), "$row$command: it answers again");
	is($t->command($command, 'restart'), '', "$row$command restart");
	ok($t->wait_for(20, sub { answers($port) }), "$row$command: it answers");
}
ok(banner('imap'), 'imapd: with a greeting');

# all of a role, and one service of it
is($t->command('courier', 'stop', 'esmtpd'), '', 'courier stop esmtpd');
ok(refuses($_), "nobody answers at $_") for qw(smtp submission smtps);
is($t->command('esmtpd-msa', 'start'), '', 'MTA-0702: esmtpd-msa start without any process');
ok($t->wait_for(20, sub { greeted('submission') }), 'MTA-0702: starts them');
ok(refuses('smtp'), 'MTA-0702: for itself alone');
is($t->command('courier', 'start', 'esmtpd'), '', 'courier start esmtpd');
ok($t->wait_for(20, sub { greeted('smtp') }), 'opens the others');
done_testing;
