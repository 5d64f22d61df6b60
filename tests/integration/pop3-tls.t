#!/usr/bin/perl
# What the files pop3d and pop3d-ssl say of ports and TLS, at the POP3 ports themselves; mkpop3dcert;
# a home that the first login makes.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Courier::Test;
use Courier::Tls;
use IO::Socket::INET;
use IO::Socket::SSL ();

my $t = Courier::Test->new(users => ['alice', 'fay'], config => {'pop3d-ssl' => {POP3_TLS_REQUIRED => 0}});
my $scratch = $t->scratch;
my $password = $Courier::Test::PASSWORD;
sub client { my (@args) = @_; return Courier::Tls::s_client($t, 'pop3s', @args) }
sub version { my (@args) = @_; return Courier::Tls::protocol(client(@args)) }
sub slurp { my ($f) = @_; open my $fh, '<', $f or return ''; local $/; return scalar <$fh> // '' }

# ---- ports: two of each kind, some with their address
my @hold = map { IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1', ReuseAddr => 1) or die $! } 1 .. 2;
my ($port2, $ssl2) = map { $_->sockport } @hold;
@hold = ();
my ($port, $ssl) = map { $t->port($_) } qw(pop3 pop3s);
$t->configure(pop3d => {PORT => "$port,127.0.0.2.$port2", ADDRESS => '127.0.0.1'}, 'pop3d-ssl' => {SSLPORT => "$ssl,127.0.0.2.$ssl2", SSLADDRESS => '127.0.0.1'});

# ---- certificates
unlink $t->path('etc/pop3d.pem');
is($t->command('mkpop3dcert'), '', 'POP-0007: mkpop3dcert');
is($? >> 8, 0, 'POP-0007: ... succeeds');
my $made = slurp($t->path('etc/pop3d.pem'));
like($made, qr/BEGIN (?:EC )?PRIVATE KEY.*BEGIN CERT|BEGIN CERT.*BEGIN (?:EC )?PRIVATE KEY/s, 'POP-0007: key and certificate in pop3d.pem');
like($t->command('mkpop3dcert'), qr/already exists/, 'POP-0007: never over another');
unlink $t->path('etc/pop3d.pem');
$t->command('mkpop3dcert', 'pop.example.test');
like(qx(openssl x509 -noout -text -in @{[$t->path('etc/pop3d.pem')]}), qr/DNS:pop\.example\.test/, 'POP-0006: the names are arguments, not those of pop3d.cnf');
my $ca = Courier::Tls::certificate($scratch, 'our authority');
my $known = Courier::Tls::certificate($scratch, 'client', ca => $ca);
my $stranger = Courier::Tls::certificate($scratch, 'stranger');
my @known = ('-cert', $known->{cert_file}, '-key', $known->{key_file});
my @stranger = ('-cert', $stranger->{cert_file}, '-key', $stranger->{key_file});
Courier::Tls::install($t, 'ca.pem', $ca->{cert}, mode => 0644);
$t->start;

sub greeted { my ($host, $p) = @_; my $s = IO::Socket::INET->new(PeerAddr => $host, PeerPort => $p, Timeout => 5) or return 0; return (readline($s) // '') =~ /^\+OK/ }
sub secure { my ($host, $p) = @_; my $s = IO::Socket::SSL->new(PeerAddr => $host, PeerPort => $p, SSL_verify_mode => 0, Timeout => 5) or return 0; return (readline($s) // '') =~ /^\+OK/ }
ok(greeted('127.0.0.1', $port), 'POP-0011 POP-0012: PORT on ADDRESS');
ok(greeted('127.0.0.2', $port2), 'POP-0011: ... and one with its address');
ok(!greeted('127.0.0.2', $port), 'POP-0012: ... nowhere else');
ok(secure('127.0.0.1', $ssl), 'POP-0027 POP-0028: SSLPORT on SSLADDRESS');
ok(secure('127.0.0.2', $ssl2), 'POP-0027: ... and one with its address');
ok(!secure('127.0.0.2', $ssl), 'POP-0028: ... nowhere else');
like(Courier::Tls::subject(client()), qr/pop\.example\.test/, 'POP-0034: pop3d.pem is the certificate when none is named');

# ---- a home that is missing
my ($home) = slurp($t->path('etc/userdb')) =~ /^fay\@[^\n]*\bhome=([^|\n]+)/m;
my $skel = $t->path('skel');
mkdir "$skel$_" or die $! for '', '/Maildir', map {"/Maildir/$_"} qw(new cur tmp);
sub login { my $s = $t->connect('pop3'); readline $s; print $s "USER fay\r\n"; readline $s; print $s "PASS $password\r\n"; return readline($s) // '' }
rename $home, "$home.away" or die "$home: $!";
like(login(), qr/^-ERR \[SYS\/TEMP\]/, 'without a home: later');
$t->configure(courierd => {AUTH_MKHOMEDIR_SKEL => $skel}, pop3d => {AUTH_MKHOMEDIR_SKEL => $skel});
Courier::Tls::reload($t);
like($t->command('courier', 'check'), qr/AUTH_MKHOMEDIR_SKEL has no effect here: set it in the file courierd/, 'POP-0021: where it is set');
SKIP: {
	my $done = $t->wait_for(20, sub { login() =~ /^\+OK logged in/ });
	skip 'the skeleton lies in /tmp', 2 if $> == 0 && !$done && $t->log =~ /others than root may change/;
	ok($done, 'POP-0021: the first login makes the home') or diag $t->log;
	ok(-d "$home/Maildir/new", 'POP-0021: ... from the skeleton');
}

# ---- TLS, stricter
$t->configure('pop3d-ssl' => {TLS_PROTOCOL => 'TLSv1.3', TLS_VERIFYPEER => 'PEER', TLS_TRUSTCERTS => 'ca.pem', TLS_CACHESIZE => 0,
	TLS_CACHEFILE => '/var/cache/x', TLS_PRIORITY => 'NORMAL'});
my $check = $t->command('courier', 'check');
like($check, qr/TLS_PRIORITY has no effect here/, 'POP-0040: TLS_PRIORITY: told');
like($check, qr/TLS_CACHEFILE has no effect here/, 'POP-0042: TLS_CACHEFILE: told');
Courier::Tls::reload($t);
sub seen { my (@args) = @_; my $out = qx((sleep 0.7; printf 'NOOP\\nQUIT\\n'; sleep 0.5) | timeout 10 openssl s_client -quiet -crlf -connect 127.0.0.1:$ssl @args 2>&1); return $out =~ /^\+OK Goodbye/m ? 'served' : 'refused' }
ok($t->wait_for(20, sub { version('-tls1_2') eq '' }), 'POP-0038: TLS_PROTOCOL: nothing lower');
is(version(), 'TLSv1.3', 'POP-0038: ... but that');
is(seen(), 'served', 'POP-0037: PEER: without a certificate');
is(seen(@known), 'served', 'POP-0037 POP-0036: ... with one that TLS_TRUSTCERTS knows');
is(seen(@stranger), 'refused', "POP-0037 POP-0036: ... a stranger's");
my $file = "$scratch/session";
client('-sess_out', $file);
unlike(-s $file ? client('-sess_in', $file) : '', qr/^Reused/m, 'POP-0042: TLS_CACHESIZE=0: no session is resumed');
$t->configure('pop3d-ssl' => {TLS_VERIFYPEER => 'REQUIREPEER'});
Courier::Tls::reload($t);
ok($t->wait_for(20, sub { seen() eq 'refused' }), 'POP-0037: REQUIREPEER: without a certificate');
is(seen(@known), 'served', 'POP-0037: ... with one');

# ---- ciphers and groups
Courier::Tls::install($t, 'rsa.pem', Courier::Tls::certificate($scratch, 'rsa.example', key => 'rsa')->{pem});
my $group = Courier::Tls::run('openssl', 'genpkey', '-genparam', '-algorithm', 'DH', '-pkeyopt', 'group:ffdhe3072');
$t->file('etc/dh3072.pem', $group =~ /(-----BEGIN.*-----END[^\n]*\n)/s ? $1 : die $group);
$t->configure('pop3d-ssl' => {TLS_PROTOCOL => 'TLSv1.2', TLS_VERIFYPEER => 'NONE', TLS_CERTFILE => 'rsa.pem', TLS_CIPHER_LIST => 'DHE-RSA-AES256-GCM-SHA384', TLS_DHPARAMS => 'dh3072.pem'});
Courier::Tls::reload($t);
ok($t->wait_for(20, sub { Courier::Tls::cipher(client('-tls1_2')) eq 'DHE-RSA-AES256-GCM-SHA384' }), 'POP-0039: TLS_CIPHER_LIST');
like(client('-tls1_2'), qr/Temp Key: DH, 3072 bits/, 'POP-0035: TLS_DHPARAMS');
is(Courier::Tls::subject(client()), 'rsa.example', 'POP-0034: TLS_CERTFILE');
$t->configure('pop3d-ssl' => {TLS_MIN_DH_BITS => 4096, TLS_DHPARAMS => ''});
Courier::Tls::reload($t);
ok($t->wait_for(20, sub { client('-tls1_2') =~ /Temp Key: DH, 4096 bits/ }), 'POP-0041: TLS_MIN_DH_BITS');

# ---- flags of the start
is($t->stop, '', 'stops');
$t->configure(pop3d => {POP3DSTART => 'NO'});
$t->start;
ok(!greeted('127.0.0.1', $port), 'POP-0019: POP3DSTART=NO');
ok(secure('127.0.0.1', $ssl), 'POP-0031: POP3DSSLSTART=YES');
is($t->stop, '', 'stops');
$t->configure(pop3d => {POP3DSTART => 'YES'}, 'pop3d-ssl' => {POP3DSSLSTART => 'NO'});
$t->start;
ok(greeted('127.0.0.1', $port), 'POP-0019: POP3DSTART=YES');
ok(!secure('127.0.0.1', $ssl), 'POP-0031: POP3DSSLSTART=NO');
is(join("\n", $t->log_lines(qr/died of signal|Sanitizer: |runtime error:/)), '', 'nothing died');
is($t->stop, '', 'stops');
done_testing;
