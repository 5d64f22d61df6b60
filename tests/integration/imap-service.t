#!/usr/bin/perl
# The IMAP service as the files imapd (IMAP-0013) and imapd-ssl (IMAP-0014) shape it: where it listens, whom it lets in, what it
# offers before a login, its certificates, and names of the original that have no effect.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Courier::Client qw(slurp);
use Courier::Test;
use Courier::Tls;
use Digest::HMAC_MD5 ();
use Digest::SHA ();
use File::Path qw(make_path remove_tree);
use IO::Socket::INET;
use IO::Socket::SSL ();
use MIME::Base64 qw(encode_base64 decode_base64);
use Time::HiRes qw(time sleep);

my $password = $Courier::Test::PASSWORD;
$SIG{PIPE} = 'IGNORE';
my ($one, $two, $ssl) = map {Courier::Test::free_port()} 1 .. 3;
my $t = Courier::Test->new(users => ['alice', 'bob', 'carol', 'dave'], config => {
	authdaemonrc => {AUTH_FAIL_DELAY => 2},
	imapd => {PORT => "127.0.0.2.$one,$two", ADDRESS => '127.0.0.1', IMAP_CAPABILITY => 'IMAP4rev1 XONE',
		IMAP_CAPABILITY_TLS => '$IMAP_CAPABILITY AUTH=PLAIN AUTH=LOGIN AUTH=CRAM-MD5 AUTH=CRAM-SHA1 AUTH=CRAM-SHA256',
		PIDFILE => '/run/imapd.pid', LOGGEROPTS => '-name=imapd', IMAP_ENHANCEDIDLE => 0, AUTH_MKHOMEDIR_SKEL => '/etc/skel', MAXDAEMONS => 40, MAXPERIP => 20},
	'imapd-ssl' => {SSLPORT => $ssl, SSLADDRESS => '127.0.0.3', SSLPIDFILE => '/run/imapd-ssl.pid', SSLLOGGEROPTS => '-name=imapd-ssl',
		COURIERTLS => '/usr/bin/couriertls', TLS_STARTTLS_PROTOCOL => '$TLS_PROTOCOL', TLS_TIMEOUT => 60}});
my $db = $t->path('etc/userdb');
my $lines = slurp($db);
$lines =~ s/^(dave\@.*\|)systempw=\S+/$1systempw={PLAIN}$password/m or BAIL_OUT("no dave: $lines");
$t->file('etc/userdb', $lines);
chmod 0600, $db;
if ($> == 0) { my @pw = getpwnam 'courier-auth'; chown @pw[2, 3], $db if @pw }
$t->command('userdb', 'bob@example.test', 'set', 'options=disableinsecureimap=1');
$t->command('makeuserdb');
my $dir = $t->scratch;
my $main = Courier::Tls::certificate($dir, 'main.example');
Courier::Tls::install($t, 'imapd.pem', $main->{pem});
Courier::Tls::install($t, 'imapd.pem.named.example', Courier::Tls::certificate($dir, 'named.example')->{pem});
Courier::Tls::install($t, 'imapd.pem.127.0.0.3', Courier::Tls::certificate($dir, 'address.example')->{pem});
# the instance's own lines come first; what is added later wins
$t->start;

sub dial { my ($host, $port) = @_; my $s = IO::Socket::INET->new(PeerAddr => $host, PeerPort => $port, Timeout => 5) or return; $s->autoflush(1); return $s }
sub greeted {
	my $s = dial(@_) or return '';
	local $SIG{ALRM} = sub { die "slow\n" };
	my $line = eval { alarm 10; readline $s };
	alarm 0;
	return $line // '';
}
sub ask {
	my ($s, $text, $end) = @_;
	my $said = '';
	local $SIG{ALRM} = sub { die "slow\n" };
	print $s "$text\r\n";
	eval { alarm 20; while (defined(my $l = readline $s)) { $said .= $l; last if $l =~ ($end || qr/^(?:a |\+)/) } };
	alarm 0;
	return $said . ($@ ? '(no more came)' : '');
}
sub start_tls {
	my $s = dial('127.0.0.1', $two);
	readline $s;
	ask($s, 'a STARTTLS');
	IO::Socket::SSL->start_SSL($s, SSL_verify_mode => 0, Timeout => 10) or die "TLS: $IO::Socket::SSL::SSL_ERROR";
	return $s;
}
sub tls_at_once { return IO::Socket::SSL->new(PeerAddr => '127.0.0.3', PeerPort => $ssl, SSL_verify_mode => 0, Timeout => 10) }

# ---- where ---------------------------------------------------------------------------------

like greeted('127.0.0.2', $one), qr/^\* OK /, 'IMAP-0019: PORT: ADDRESS.PORT';
is greeted('127.0.0.1', $one), '', 'IMAP-0019: ... there alone';
like greeted('127.0.0.1', $two), qr/^\* OK \[CAPABILITY IMAP4rev1 XONE\b/, 'IMAP-0018 IMAP-0001 IMAP-0003: a bare port listens on ADDRESS, and greets (IMAP-0091)';
is greeted('127.0.0.2', $two), '', 'IMAP-0018: ... on no other';
my $s = tls_at_once();
like scalar(readline $s), qr/^\* OK \[CAPABILITY IMAP4rev1 XONE [^\]]*AUTH=PLAIN/, 'IMAP-0063 IMAP-0064 IMAP-0002: SSLPORT on SSLADDRESS: TLS at once, beside the other port';
is greeted('127.0.0.1', $ssl), '', 'IMAP-0064: ... there alone';

# ---- what is told before a login -------------------------------------------------------------

$s = dial('127.0.0.1', $two);
like scalar(readline $s), qr/^\* OK \[CAPABILITY IMAP4rev1 XONE LITERAL\+ SASL-IR STARTTLS LOGINDISABLED\] /, 'IMAP-0092 IMAP-0069 IMAP-0068: STARTTLS and LOGINDISABLED, no AUTH= in clear';
like ask($s, 'a CAPABILITY'), qr/^\* CAPABILITY IMAP4rev1 XONE LITERAL\+ SASL-IR STARTTLS LOGINDISABLED\r\na OK/, 'IMAP-0092: CAPABILITY says the same';
like ask($s, 'a NOOP'), qr/^a OK/, 'IMAP-0003: NOOP';
like ask($s, 'a ID NIL'), qr/^\* ID \(.*^a OK/ms, 'IMAP-0003: ID';
like ask($s, "a LOGIN alice $password"), qr/^a NO \[PRIVACYREQUIRED\]/, 'IMAP-0097 IMAP-0069: LOGIN is refused before TLS';
like ask($s, 'a LOGOUT'), qr/^\* BYE.*^a OK/ms, 'IMAP-0003: LOGOUT';
$s = start_tls();
my $can = ask($s, 'a CAPABILITY');
like $can, qr/^\* CAPABILITY IMAP4rev1 XONE LITERAL\+ SASL-IR AUTH=PLAIN AUTH=LOGIN AUTH=CRAM-MD5 AUTH=CRAM-SHA1 AUTH=CRAM-SHA256\r/, 'IMAP-0096 IMAP-0092: after STARTTLS it is gone, and IMAP_CAPABILITY_TLS holds';
like ask($s, "a LOGIN \"alice\" {" . length($password) . "+}\r\n$password"), qr/^a OK \[CAPABILITY/, 'IMAP-0097: LOGIN, quoted and with a literal';
close $s;

# ---- mechanisms: IMAP-0100 IMAP-0101 IMAP-0102 are CRAM with each hash ------------------------

sub b64 { return encode_base64($_[0], '') }
$s = start_tls();
like ask($s, 'a AUTHENTICATE PLAIN'), qr/^\+ \r/, 'IMAP-0098: PLAIN without an initial response';
like ask($s, b64("\0alice\0$password")), qr/^a OK/, 'IMAP-0098: ... logs in';
$s = start_tls();
like ask($s, 'a AUTHENTICATE PLAIN ' . b64("\0alice\0$password")), qr/^a OK/, 'IMAP-0098: and with one';
$s = start_tls();
my $r = ask($s, 'a AUTHENTICATE LOGIN');
like decode_base64($r =~ /^\+ (\S+)/ ? $1 : ''), qr/user/i, 'IMAP-0099: LOGIN asks for the name';
like decode_base64(ask($s, b64('alice')) =~ /^\+ (\S+)/ ? $1 : ''), qr/pass/i, 'IMAP-0099: ... for the password';
like ask($s, b64($password)), qr/^a OK/, 'IMAP-0099: ... logs in';
my %hmac = (MD5 => [\&Digest::HMAC_MD5::hmac_md5_hex, '0100'], SHA1 => [\&Digest::SHA::hmac_sha1_hex, '0101'], SHA256 => [\&Digest::SHA::hmac_sha256_hex, '0102']);
for my $name (sort keys %hmac) {
	my ($digest, $row) = @{$hmac{$name}};
	for my $word ($password, 'wrong') {
		$s = start_tls();
		my ($challenge) = ask($s, "a AUTHENTICATE CRAM-$name") =~ /^\+ (\S+)/;
		like ask($s, b64('dave ' . $digest->(decode_base64($challenge), $word))), $word eq 'wrong' ? qr/^a NO/ : qr/^a OK/, "IMAP-$row: CRAM-$name, " . ($word eq 'wrong' ? 'a wrong password' : 'the right one');
	}
}
$s = start_tls();
ask($s, 'a AUTHENTICATE CRAM-MD5');
like ask($s, '*'), qr/^a (?:BAD|NO)/, 'IMAP-0104: "*" ends the exchange';
like ask($s, "a LOGIN alice $password"), qr/^a OK/, 'IMAP-0104: ... and not the connection';

# ---- failures ----------------------------------------------------------------------------------

$s = start_tls();
my $began = time;
like ask($s, 'a LOGIN alice wrong'), qr/^a NO/, 'a wrong password';
cmp_ok time - $began, '>=', 1.9, 'IMAP-0087: is answered after AUTH_FAIL_DELAY';
ok $t->log_lines(qr/LOGIN FAILED, user=alice, method=LOGIN, ip=\[::ffff:127\.0\.0\.1\], port=\[\d+\], protocol=IMAP, tls=1/), 'IMAP-0090: LOGIN FAILED is logged';
like slurp($t->path('etc/imapd')), qr/^LOGIN_TIMEOUT=60$/m, 'IMAP-0087: a minute to log in, as shipped (login.t shows that it ends)';

# ---- certificates ------------------------------------------------------------------------------

sub asks { my ($host, $port, @o) = @_; return Courier::Tls::subject(Courier::Tls::run('openssl', 's_client', '-connect', "$host:$port", @o)) }
is asks('127.0.0.1', $two, '-starttls', 'imap', '-noservername'), 'main.example', 'IMAP-0072: imapd.pem';
is asks('127.0.0.1', $two, '-starttls', 'imap', '-servername', 'named.example'), 'named.example', 'IMAP-0086: the file of a host name';
is asks('127.0.0.3', $ssl, '-noservername'), 'address.example', 'IMAP-0086: the file of our address';
is asks('127.0.0.3', $ssl, '-servername', 'named.example'), 'named.example', 'IMAP-0086: names come first';
is asks('127.0.0.1', $two, '-starttls', 'imap', '-servername', 'else.example'), 'main.example', 'IMAP-0086: others get the plain one';

# ---- names of old files (IMAP-0062 IMAP-0053) ------------------------------------------------

my $check = $t->command('courier', '-C', $t->path(''), 'check');
is $?, 0, 'files with names of the original are sound' or diag $check;
my %idle = (PIDFILE => '0023', SSLPIDFILE => '0065', LOGGEROPTS => '0026', SSLLOGGEROPTS => '0066', COURIERTLS => '0070', TLS_STARTTLS_PROTOCOL => '0071', IMAP_ENHANCEDIDLE => '0062', AUTH_MKHOMEDIR_SKEL => '0053');
for my $name (sort keys %idle) {
	is scalar(() = $check =~ /etc\/imapd(?:-ssl)?:\d+: .*\b$name has no effect here: /g), 1, "IMAP-$idle{$name}: $name: one line says that it has no effect" or diag $check;
}
my $sound = slurp($t->path('etc/imapd'));
$t->configure(imapd => {IMAP_PROXY_TLS => 'perhaps'});
like $t->command('courier', '-C', $t->path(''), 'check'), qr/IMAP_PROXY_TLS cannot be 'perhaps'/, 'IMAP-0013: a value that means nothing is a fault';
$t->file('etc/imapd', $sound);

# ---- options, homes, START flags ----------------------------------------------------------------

$t->stop;
my $skeleton = $t->path('skeleton');
make_path(map {"$skeleton/Maildir/$_"} qw(tmp new cur));
$t->file('skeleton/Maildir/new/1700000001.M1P1.host', "Subject: welcome\n\n");
chmod 0700, $skeleton;
$t->configure(courierd => {AUTH_MKHOMEDIR_SKEL => $skeleton}, imapd => {MAXDAEMONS => 3}, 'imapd-ssl' => {IMAP_TLS_REQUIRED => 0, IMAPDSTARTTLS => 'NO', IMAPDSSLSTART => 'NO'});
my $carol = $t->maildir('carol') =~ s,/Maildir$,,r;
remove_tree($carol);
$t->start;
is tls_at_once() ? 1 : 0, 0, 'IMAP-0067: IMAPDSSLSTART=NO';
$s = dial('127.0.0.1', $two);
my $greeting = readline $s;
unlike $greeting, qr/STARTTLS/, 'IMAP-0068: IMAPDSTARTTLS=NO: no STARTTLS';
unlike $greeting, qr/LOGINDISABLED/, 'IMAP-0069: IMAP_TLS_REQUIRED=0';
like ask($s, 'a STARTTLS'), qr/^a NO/, 'IMAP-0068: ... nor is it taken';
like ask($s, "a LOGIN bob $password"), qr/^a NO/, 'IMAP-0089: disableinsecureimap=1: not without TLS';
like ask($s, "a LOGIN alice $password"), qr/^a OK/, 'IMAP-0069: others log in in clear';
close $s;
ok !-e $carol, 'an account without a home';
$s = dial('127.0.0.1', $two);
readline $s;
like ask($s, "a LOGIN carol $password"), qr/^a OK/, 'IMAP-0053: AUTH_MKHOMEDIR_SKEL: logs in';
like ask($s, 'a STATUS INBOX (MESSAGES)'), qr/MESSAGES 1\b/, 'IMAP-0053: ... to a copy of the skeleton';
is +(stat "$carol/Maildir")[2] & 07777, (stat "$skeleton/Maildir")[2] & 07777, 'IMAP-0053: with its rights';
is +(stat "$carol/Maildir")[4], (stat $t->maildir('alice'))[4], 'IMAP-0053: ... owned by the account';
close $s;
ok $t->log_lines(qr/made the home folder '\Q$carol\E'/), '... and the log has it';
my @held;
# sessions count until the server has seen their end
ok $t->wait_for(20, sub {
	@held = ();
	sleep 0.3;
	@held = map {[dial('127.0.0.1', $two)]} 1 .. 6;
	$_->[1] = readline($_->[0]) // '' for @held;
	return 3 == grep {$_->[1] =~ /^\* OK/} @held;
}), 'IMAP-0021: MAXDAEMONS connections, not more' or diag map {$_->[1]} @held;
ok $t->log_lines(qr/connection refused, ip=\[::ffff:127\.0\.0\.1\]: the limit MAXDAEMONS is reached/), '... and the log says so';
@held = ();
$t->stop;
$t->configure(imapd => {MAXPERIP => 2, MAXDAEMONS => 40, IMAPDSTART => 'NO'}, 'imapd-ssl' => {IMAPDSSLSTART => 'YES'});
$t->start;
is greeted('127.0.0.1', $two), '', 'IMAP-0060: IMAPDSTART=NO';
@held = map {tls_at_once()} 1 .. 4;
is scalar(grep {$_} @held), 2, 'IMAP-0022: MAXPERIP connections of an address' or diag scalar @held;
@held = ();

# ---- mkimapdcert -------------------------------------------------------------------------------

unlink $t->path('etc/imapd.pem');
is $t->command('mkimapdcert', 'made.example'), '', 'IMAP-0016: mkimapdcert';
is $?, 0, 'IMAP-0016: succeeds';
is +(stat $t->path('etc/imapd.pem'))[2] & 07777, 0600, 'IMAP-0016: for its owner alone';
is Courier::Tls::subject(Courier::Tls::run('openssl', 'x509', '-noout', '-subject', '-in', $t->path('etc/imapd.pem'))), 'made.example', 'IMAP-0016: for the name';
my $old = slurp($t->path('etc/imapd.pem'));
like $t->command('mkimapdcert', 'other.example'), qr/imapd\.pem/, 'IMAP-0016: not over one that is there';
isnt $?, 0, 'IMAP-0016: ... which is a failure';
is slurp($t->path('etc/imapd.pem')), $old, 'IMAP-0016: ... and harms nothing';
is(join("\n", $t->log_lines(qr/died of signal|Sanitizer: |runtime error:/)), '', 'nothing died');
is $t->stop, '', 'stops';
done_testing;
