#!/usr/bin/perl
# POP3 command by command, before and after the login, as the original's clients and scripts know it:
# answers, the log, the file of sizes, the options of accounts, the settings of the file pop3d.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Courier::Sasl qw(b64);
use Courier::Test;
use Digest::HMAC_MD5 ();
use IO::Socket::SSL ();
use MIME::Base64 qw(decode_base64);

my $password = $Courier::Test::PASSWORD;
my $t = Courier::Test->new(users => [qw(alice bob carol dave erin)], config => {
	pop3d => {POP3_LOG_DELETIONS => 1, POP3AUTH => 'LOGIN CRAM-MD5', POP3AUTH_TLS => 'PLAIN CRAM-MD5', DEFDOMAIN => '@example.test',
		PIDFILE => '/run/pop3d.pid', TCPDOPTS => '-nodnslookup', LOGGEROPTS => '-name=pop3d', MAXPERIP => 6},
	'pop3d-ssl' => {POP3_TLS_REQUIRED => 0, SSLPIDFILE => '/run/pop3d-ssl.pid', SSLLOGGEROPTS => '-name=pop3d-ssl', POP3AUTH_TLS_ORIG => 'PLAIN'},
	authdaemonrc => {AUTH_FAIL_DELAY => 1, authmodulelist => 'authuserdb'}});
my ($pop3s, $box) = ($t->port('pop3s'), $t->maildir('alice'));
$t->configure(pop3d => {"AUTHSERVICE$pop3s" => 'pop3s'});
sub userdb { my ($user, @words) = @_; my $out = $t->command('userdb', "$user\@example.test", 'set', @words); is($?, 0, "userdb: $user") or diag $out }
userdb('alice', "pop3spw={PLAIN}over-tls", 'systempw={PLAIN}' . $password);
userdb('bob', 'options=disablepop3=1');
userdb('carol', 'options=disableinsecurepop3=1');

sub put {
	my ($name, $text) = @_;
	open my $f, '>', "$box/$name" or die "$name: $!";
	print $f $text;
	close $f;
	chown((stat $box)[4, 5], "$box/$name") if $> == 0;
}
sub slurp { my ($f) = @_; open my $fh, '<', $f or return ''; local $/; return scalar <$fh> // '' }
put('new/1700000001.M1P1.h', "Subject: one\n\n.dot\nlast");
put('cur/1700000002.M1P1.h:2,FR', "Subject: two\n\n1\n2\n3\n");
put('new/1700000003.M1P1.h', "Subject: \xc3\xa4\n\nx\n");

my $check = $t->command('courier', 'check');
is($?, 0, 'old names are no faults') or diag $check;
my %rows = (PIDFILE => 'POP-0008', TCPDOPTS => 'POP-0013', LOGGEROPTS => 'POP-0014', SSLPIDFILE => 'POP-0029', SSLLOGGEROPTS => 'POP-0030');
like($check, qr{pop3d\S*:\d+: warning: $_ has no effect here}, "$rows{$_}: $_: told that it does nothing") for sort keys %rows;
like($t->command('courier', 'config', 'pop3d'), qr/^POP3AUTH_TLS_ORIG: PLAIN/m, 'POP-0017: the lists of web administration are kept');
$t->start;

# ---- conversations
sub line { my ($s) = @_; local $SIG{ALRM} = sub { die "slow\n" }; my $l; eval { alarm 20; $l = readline $s; alarm 0 }; alarm 0; return $l // '(end)' }
sub opened { my $s = $t->connect('pop3'); my $g = line($s); return wantarray ? ($s, $g) : $s }
sub secure {
	my $s = IO::Socket::SSL->new(PeerAddr => '127.0.0.1', PeerPort => $pop3s, SSL_verify_mode => 0, Timeout => 10) or die "TLS: $IO::Socket::SSL::SSL_ERROR";
	line($s);
	return $s;
}
sub ask { my ($s, $text) = @_; print $s "$text\r\n"; return line($s) }
sub many {
	my ($s, $text) = @_;
	my $all = ask($s, $text);
	return $all if $all !~ /^\+OK/;
	while ((my $l = line($s)) ne '(end)') { $all .= $l; last if $l eq ".\r\n" }
	return $all;
}
sub login { my ($user, $pass) = @_; my $s = opened(); ask($s, "USER $user"); my $r = ask($s, 'PASS ' . ($pass // $password)); return $r =~ /^\+OK/ ? $s : $r }
sub logged { my ($re) = @_; return $t->wait_for(10, sub { scalar $t->log_lines($re) }) }

# ---- before the login
my ($s, $greeting) = opened();
like($greeting, qr/^\+OK /, 'POP-0043: the greeting');
unlike($greeting, qr/[<>]/, 'POP-0043: ... has no stamp for APOP');
my $capa = many($s, 'CAPA');
for my $word ('SASL LOGIN CRAM-MD5', 'STLS', 'TOP', 'USER', 'LOGIN-DELAY 10', 'PIPELINING', 'UIDL', 'UTF8 USER', 'LANG', 'IMPLEMENTATION Courier Mail Server') {
	like($capa, qr/^\Q$word\E\r$/m, "POP-0046 POP-0015: CAPA: $word");
}
like(ask($s, 'AUTH'), qr/^-ERR/, 'POP-0045: AUTH alone is no command');
like(ask($s, 'UTF8'), qr/^\+OK/, 'POP-0003 POP-0057: UTF8 before the login');
like(ask($s, 'UTF8 USER'), qr/^\+OK/, 'POP-0057: ... for names too');
like(ask($s, 'UTF8 OTHER'), qr/^-ERR/, '... for nothing else');
like(many($s, 'LANG'), qr/^\+OK.*^i-default .*^en /ms, 'POP-0058: LANG lists');
like(ask($s, "LANG $_"), qr/^\+OK/, "POP-0058: LANG $_") for '*', 'en', 'i-default';
like(ask($s, 'LANG fr'), qr/^-ERR/, 'POP-0058: ... and no other');
like(ask($s, 'STAT'), qr/^-ERR/, 'POP-0003: nothing of the mailbox');
like(ask($s, 'APOP alice x'), qr/^-ERR/, 'POP-0043: no APOP');
like(ask($s, 'QUIT'), qr/^\+OK/, 'POP-0003: QUIT');
ok(logged(qr/ LOGOUT, ip=\[(?:::ffff:)?127\.0\.0\.1\], port=\[\d+\], protocol=POP3$/), 'POP-0063: the log: LOGOUT without a user');

# ---- logins
my $began = time;
like(login('alice', 'wrong'), qr/^-ERR \[AUTH\]/, 'POP-0044: a wrong password');
ok(time - $began >= 1, 'POP-0044: ... takes its time');
ok(logged(qr/ LOGIN FAILED, user=alice, method=LOGIN, ip=\[(?:::ffff:)?127\.0\.0\.1\], port=\[\d+\], protocol=POP3$/), 'POP-0063: the log: LOGIN FAILED');
like(login('bob'), qr/^-ERR/, 'POP-0062 AUTH-0042: disablepop3');
like(login('carol'), qr/^-ERR/, 'POP-0062 AUTH-0044: disableinsecurepop3 without TLS');
$s = secure();
like(ask($s, 'USER carol') . ask($s, "PASS $password"), qr/^\+OK.*\n\+OK logged in/, 'POP-0062 AUTH-0044: ... and with it');
ask($s, 'QUIT');
ok(logged(qr/ LOGIN, user=carol\@example\.test, ip=\[(?:::ffff:)?127\.0\.0\.1\], port=\[\d+\], protocol=POP3, stls=1$/), 'POP-0063: the log: LOGIN');
$s = opened();
ask($s, 'USER alice');
like(ask($s, 'STLS'), qr/^\+OK/, 'POP-0047 POP-0032: STLS');
IO::Socket::SSL->start_SSL($s, SSL_verify_mode => 0) or die 'no TLS';
like(ask($s, "PASS $password"), qr/^-ERR/, 'POP-0047: ... what was said before does not count');
like(many($s, 'CAPA'), qr/^SASL PLAIN CRAM-MD5\r$/m, 'POP-0016: the mechanisms under TLS');
like(ask($s, 'STLS'), qr/^-ERR/, 'POP-0047: no second one');
like(ask($s, 'AUTH LOGIN'), qr/^-ERR/, 'POP-0016: ... and no others');
like(ask($s, 'AUTH EXTERNAL'), qr/^-ERR/, 'POP-0045: EXTERNAL is not offered without certificates that name somebody');
is(ask($s, 'AUTH PLAIN ='), "-ERR [AUTH] Login failed.\r\n", 'POP-0045: = is an empty response');
like(ask($s, 'AUTH PLAIN ' . b64("\0alice\0$password")), qr/^\+OK/, 'POP-0045 POP-0023: PLAIN with an initial response, and DEFDOMAIN');
ask($s, 'QUIT');
$s = opened();
like(ask($s, 'AUTH LOGIN'), qr/^\+ \S+\r$/, 'POP-0045: LOGIN asks');
like(ask($s, b64('alice')) . ask($s, b64($password)), qr/^\+ .*\n\+OK/, 'POP-0015 POP-0045: LOGIN in clear, as POP3AUTH says');
ask($s, 'QUIT');
$s = opened();
my ($challenge) = ask($s, 'AUTH CRAM-MD5') =~ /^\+ (\S+)/;
like(ask($s, b64('alice ' . Digest::HMAC_MD5::hmac_md5_hex(decode_base64($challenge), $password))), qr/^\+OK/, 'POP-0045: CRAM-MD5, its name completed too');
ask($s, 'QUIT');
$s = secure();
like(ask($s, 'USER alice') . ask($s, "PASS $password"), qr/-ERR/, 'POP-0024 AUTH-0189: AUTHSERVICE995 names another service');
like(ask($s, 'USER alice') . ask($s, 'PASS over-tls'), qr/\+OK logged in/, 'POP-0024 AUTH-0071 AUTH-0189: ... with a password of its own');

# ---- the session
like($capa = many($s, 'CAPA'), qr/^UTF8 USER\r$/m, 'POP-0046: CAPA after the login');
like($capa, qr/^$_\r$/m, "POP-0046: ... $_") for 'TOP', 'USER', 'LOGIN-DELAY 10', 'PIPELINING', 'UIDL', 'LANG', 'IMPLEMENTATION Courier Mail Server';
unlike($capa, qr/^(?:SASL|STLS)/m, 'POP-0046: ... nothing more to log in with');
is(ask($s, 'STAT'), "+OK 3 71\r\n", 'POP-0048: STAT');
is(many($s, 'LIST') =~ s/^.*?\n//r, "1 28\r\n2 25\r\n3 18\r\n.\r\n", 'POP-0049: LIST counts CRLF, and a last one that is missing');
like(ask($s, 'LIST 2'), qr/^\+OK 2 \d+\r$/, 'POP-0049: ... of one');
like(ask($s, 'LIST 9'), qr/^-ERR/, 'POP-0049: ... that there is not');
my @uidl = many($s, 'UIDL') =~ /^\d+ (\S+)\r$/mg;
is(scalar(@uidl), 3, 'POP-0056: UIDL');
like($uidl[$_ - 1], qr/^UID$_-\d+$/, "POP-0056: ... UID$_") for 1 .. 3;
like(ask($s, 'UIDL 2'), qr/^\+OK 2 \Q$uidl[1]\E\r$/, 'POP-0056: ... of one');
like(slurp("$box/courierpop3dsizelist"), qr{^/3 4 \d+\n1700000001\.M1P1\.h\S* \d+ 1:\d+:0\n1700000002\.M1P1\.h\S* \d+ 2:\d+:0\n1700000003\.M1P1\.h\S* \d+ 3:\d+:1\n\z}, 'POP-0059: the file');
like(many($s, 'TOP 2 1'), qr/^\+OK[^\n]*\nSubject: two\r\n\r\n1\r\n\.\r\n\z/, 'POP-0055: TOP');
ok(-e "$box/cur/1700000002.M1P1.h:2,FR" && -e "$box/new/1700000001.M1P1.h", 'POP-0055 POP-0061: ... marks nothing');
like(many($s, 'RETR 1'), qr/^\+OK[^\n]*\nSubject: one\r\n\r\n\.\.dot\r\nlast\r\n\.\r\n\z/, 'POP-0050: RETR');
ok(-e "$box/cur/1700000001.M1P1.h:2,S", 'POP-0050 POP-0061: ... moves it to cur, seen');
many($s, 'RETR 2');
ok(-e "$box/cur/1700000002.M1P1.h:2,FRS", 'POP-0061: ... other flags stay');
put('new/1700000009.M1P1.h', "Subject: late\n\n");
like(ask($s, 'NOOP'), qr/^\+OK/, 'POP-0052: NOOP');
like(ask($s, 'STAT'), qr/^\+OK 3 /, 'POP-0052: ... does not look for new mail');
my $wrapped = many($s, 'RETR 3');
like($wrapped, qr{Content-Type: message/global}, 'POP-0026 POP-0057: Unicode for one who has not said UTF8 comes wrapped');
like(ask($s, 'UTF8'), qr/^\+OK/, 'POP-0057: UTF8 after the login');
unlike(many($s, 'RETR 3'), qr{message/global}, 'POP-0057: ... and it comes as it is');
like(ask($s, 'LANG *'), qr/^\+OK/, 'POP-0058: LANG after the login');
like(ask($s, 'DELE 2'), qr/^\+OK/, 'POP-0051: DELE');
like(ask($s, $_), qr/^-ERR/, "POP-0051: ... then no $_") for 'RETR 2', 'LIST 2', 'DELE 2';
like(ask($s, 'STAT'), qr/^\+OK 2 /, 'POP-0048: ... nor in STAT');
like(ask($s, 'RSET'), qr/^\+OK/, 'POP-0053: RSET');
like(ask($s, 'STAT'), qr/^\+OK 3 /, 'POP-0053: ... brings it back');
unlink glob "$box/cur/1700000001.M1P1.h*";
like(ask($s, 'RETR 1'), qr/^-ERR/, 'POP-0050: one that has vanished');
ask($s, 'DELE 2');
put('maildirsize', "1000000S\n" . sprintf("%12d %12d\n", 100, 4));
like(ask($s, 'QUIT'), qr/^\+OK/, 'POP-0054: QUIT');
ok(!glob("$box/cur/1700000002.M1P1.h*") && !glob("$box/.Trash/cur/*"), 'POP-0054 POP-0060: ... removes it, not into the Trash');
like(slurp("$box/maildirsize"), qr/^ *-\d+ +-1$/m, 'POP-0054 POP-0060: ... and takes it off the quota');
ok(logged(qr{ DELETED, user=alice\@example\.test, ip=\[(?:::ffff:)?127\.0\.0\.1\], port=\[\d+\], filename=cur/1700000002\.M1P1\.h:2,FRS, size=\d+$}), 'POP-0020: the log: DELETED');
ok(logged(qr/ LOGOUT, user=alice\@example\.test, ip=\[(?:::ffff:)?127\.0\.0\.1\], port=\[\d+\], top=\d+, retr=[1-9]\d*, rcvd=\d+, sent=\d+, time=\d+, stls=1$/), 'POP-0063 POP-0054: the log: LOGOUT and totals');

# ---- UTF8 said early goes along; a session that is cut off removes nothing
$s = opened();
ask($s, 'UTF8');
like(ask($s, 'USER alice') . ask($s, "PASS $password"), qr/\+OK logged in/, 'a session in clear');
my @again = many($s, 'UIDL') =~ /^\d+ (\S+)\r$/mg;
is($again[0], $uidl[2], 'POP-0059: identifiers stay');
like($again[1], qr/^UID4-/, 'POP-0061: mail that came since is there');
unlike(many($s, 'RETR 1'), qr{message/global}, 'POP-0057: UTF8 of before the login holds');
ask($s, 'DELE 1');
close $s;
ok(logged(qr/ DISCONNECTED, user=alice\@example\.test, .*top=0, retr=\d+/), 'POP-0063: the log: DISCONNECTED');
ok(glob("$box/cur/1700000003.M1P1.h*"), 'POP-0054: without QUIT nothing is removed');

# ---- lists of older versions
sub uidl_of { my $s = login('alice'); return $s if !ref $s; my @u = many($s, 'UIDL') =~ /^\d+ (\S+)\r$/mg; ask($s, 'QUIT'); return "@u" }
put('courierpop3dsizelist', "/2 9 77\n1700000003.M1P1.h:2,S 18 4:77\n1700000009.M1P1.h 17 5:0\n");
is(uidl_of(), 'UID4-77 UID5', 'POP-0056 POP-0059: a list of version 2');
like(slurp("$box/courierpop3dsizelist"), qr{^/3 9 77\n1700000003\.M1P1\.h:2,S 18 4:77:1\n1700000009\.M1P1\.h\S* 17 5:0:0\n\z}, 'POP-0059: ... is one of version 3 afterwards');
put('courierpop3dsizelist', "/3 9 77\n1700000003.M1P1.h:2,S 18 0:0:1\n1700000009.M1P1.h 17 5:77:0\n");
is(uidl_of(), '1700000003.M1P1.h UID5-77', 'POP-0056: an entry of the oldest kind is the name');
put('courierpop3dsizelist', "/9 9 77\nwhatever\n");
like(uidl_of(), qr/^UID1-(\d{9,}) UID2-\1$/, 'POP-0059: another version: anew');

# ---- limits, the Maildir, the home
my @open = map { scalar opened() } 1 .. 8;
is(scalar(grep { (ask($_, 'NOOP') // '') =~ /^\+OK/ } @open), 6, 'POP-0010: MAXPERIP');
@open = ();
my $erin = $t->path('mail/example.test/erin');
my $text = slurp($t->path('etc/userdb')) =~ s/^(erin\@.*?)\|mail=[^|\n]*/$1/mr;
$t->file('etc/userdb', $text);
chmod 0600, $t->path('etc/userdb');
if ($> == 0) { my @pw = getpwnam 'courier-auth'; chown @pw[2, 3], $t->path('etc/userdb') if @pw }
rename "$erin/Maildir", "$erin/Post" or die $!;
$t->configure(pop3d => {MAILDIRPATH => 'Post', MAXDAEMONS => 3, MAXPERIP => 50, MIME_UNICODE_MESSAGE_TYPE => 'message/rfc822', POP3AUTH => ''},
	'pop3d-ssl' => {POP3_STARTTLS => 'NO', MAXDAEMONS => 4});
$t->command('courier', 'reload');
is($?, 0, 'reload');
ok($t->wait_for(15, sub { many(scalar opened(), 'CAPA') !~ /^STLS/m }), 'POP-0032: POP3_STARTTLS=NO');
like(ask(scalar opened(), 'STLS'), qr/^-ERR/, 'POP-0047: ... no STLS');
like(many(scalar opened(), 'CAPA'), qr/^SASL PLAIN LOGIN\r$/m, 'POP-0015: an empty POP3AUTH: as authdaemonrc says');
ok(ref login('erin'), 'POP-0022: MAILDIRPATH') or diag $t->log;
SKIP: {
	skip 'sessions read pop3d as another user', 1 if $> == 0 && !-r $t->path('etc/pop3d');
	my $c = login('alice');
	like(many($c, 'RETR 1'), qr{Content-Type: message/rfc822}, 'POP-0026: MIME_UNICODE_MESSAGE_TYPE');
	ask($c, 'QUIT');
}
ok($t->wait_for(15, sub { @open = (); select undef, undef, undef, 0.3; @open = map { scalar opened() } 1 .. 6; 4 == grep { ask($_, 'NOOP') =~ /^\+OK/ } @open }), 'POP-0009 POP-0005: MAXDAEMONS, what pop3d-ssl says wins');
@open = ();

# ---- authdaemond is gone
$t->configure('pop3d-ssl' => {MAXDAEMONS => 40, POP3_TLS_REQUIRED => 1});
$t->command('courier', 'reload');
ok($t->wait_for(15, sub { ask(scalar opened(), 'USER alice') =~ /^-ERR/ }), 'POP-0033: POP3_TLS_REQUIRED: no USER in clear');
like(ask(scalar opened(), 'AUTH PLAIN'), qr/^-ERR/, 'POP-0033: ... nor AUTH');
userdb('dave', 'uid=x');
$s = secure();
like(ask($s, 'USER dave') . ask($s, "PASS $password"), qr/-ERR \[SYS\/TEMP\] .*later/, 'POP-0044: a back end that can not tell: another answer, and later');
is(join("\n", $t->log_lines(qr/died of signal|Sanitizer: |runtime error:/)), '', 'nothing died');
is($t->stop, '', 'stops');
done_testing;
