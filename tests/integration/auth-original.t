#!/usr/bin/perl
# authdaemond as other software knows it: the socket and its protocol, modules and their order, stored
# passwords of every kind, the fields of userdb, options of accounts, the tools.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Courier::Test;
use Digest::HMAC_MD5 ();
use Digest::MD5 qw(md5 md5_hex);
use Digest::SHA qw(sha1 sha256 sha512 hmac_sha1_hex hmac_sha256_hex);
use IO::Socket::UNIX;
use MIME::Base64 qw(encode_base64);
use Test::More;
use Time::HiRes qw(sleep time);

my $t = Courier::Test->new(users => ['alice'], config => {
	authdaemonrc => {authmodulelist => 'authnonsuch authuserdb authcustom authpwd', authmodulelistorig => 'authuserdb authpam', authdaemonvar => '/run/courier/authdaemon',
		AUTH_FAIL_DELAY => 0, AUTH_CHECK_TIMEOUT => 2, daemons => 2, DEFAULTOPTIONS => 'sharedgroup=all,disableimap=0', LOGGEROPTS => '-name=authdaemond', DEBUG_LOGIN => 1},
	'imapd-ssl' => {IMAP_TLS_REQUIRED => 0}, 'pop3d-ssl' => {POP3_TLS_REQUIRED => 0}});
my $domain = $t->domain;
sub b64 { return encode_base64($_[0], '') }
sub slurp { my ($f) = @_; open my $fh, '<', $f or return ''; local $/; return scalar <$fh> // '' }

# ---- accounts: a folder of authdaemond's own, so that passwords can be changed by it
my %secret = (
	'AUTH-0031' => ['{MD5}' . b64(md5('secret')), '{md5}' . b64(md5('secret'))],
	'AUTH-0032' => ['{MD5RAW}' . md5_hex('secret')],
	'AUTH-0033' => ['{SHA}' . b64(sha1('secret'))],
	'AUTH-0034' => ['{SSHA}' . b64(sha1('secretSALT') . 'SALT'), '{ssha}' . b64(sha1('secret1') . '1')],
	'AUTH-0035' => ['{SHA256}' . b64(sha256('secret')), '{SSHA256}' . b64(sha256('secretpepper') . 'pepper')],
	'AUTH-0036' => ['{SHA512}' . b64(sha512('secret')), '{SSHA512}' . b64(sha512('secretpepper') . 'pepper')],
	'AUTH-0037' => ['{CRYPT}$1$wHZDr$AIBgThLz5LOYvZxPHwv5m/', '{crypt}' . crypt('secret', '$6$x$'), '{Crypt}' . crypt('secret', '$y$j9T$abcdefgh$')],
	'AUTH-0038' => ['$1$wHZDr$AIBgThLz5LOYvZxPHwv5m/', 'abNANd1rDfiNc', crypt('secret', '$5$x$'), crypt('secret', '$6$x$'), crypt('secret', '$2b$05$CCCCCCCCCCCCCCCCCCCCC.'), crypt('secret', '$y$j9T$abcdefgh$')],
	'AUTH-0039' => ['{PLAIN}secret'],
);
my $db = $t->path('etc/userdb');
my $old = slurp($db);
unlink $db;
mkdir $db or die $!;
my $common = 'uid=' . ($> || 1234) . '|gid=1234|home=/home/x';
my $text = $old;
my %name;
for my $row (sort keys %secret) {
	for my $i (0 .. $#{$secret{$row}}) {
		my $name = lc $row . "-$i";
		$name{$name} = [$row, $secret{$row}[$i]];
		$text .= "$name\t$common|systempw=$secret{$row}[$i]\n";
	}
}
sub context { my ($hash) = @_; my $p = Courier::Test::program('userdbpw'); chomp(my $out = qx(echo secret | $p -hmac-$hash)); return $out }
my %hmac = map {$_ => context($_)} qw(md5 sha1 sha256);
$text .= "full\@$domain\t$common|shell=/bin/sh|mail=./Post|quota=1000S,10C|gecos=Full Name,room 5,phone|options=group=a,group=b,mailhost=h.test,wbnodsn=1,x-ours=y,disableimap=0|systempw={PLAIN}general|imappw={PLAIN}for-imap|esmtppw={PLAIN}for-esmtp|webmailpw={PLAIN}for-web\n";
$text .= "cram\t$common|" . join('|', map {"hmac-${_}pw=$hmac{$_}"} sort keys %hmac) . "\n";
my $other = Courier::Test::program('userdbpw');
chomp(my $pop = qx(echo other | $other -hmac-md5));
$text .= "cram2\t$common|hmac-md5pw=$hmac{md5}|pop3-hmac-md5pw=$pop\n";
$text .= "heavy\t$common|systempw=\$6\$rounds=900000000\$saltsalt\$" . 'x' x 86 . "\n";
$text .= "broken\thome=/home/x|systempw={PLAIN}secret\n";
$text .= "uml\@xn--bcher-kva.test\t$common|systempw={PLAIN}secret\nweit\@b\xc3\xbccher.test\t$common|systempw={PLAIN}secret\n";
$text .= "noshare\t$common|options=disableshared=1|systempw={PLAIN}secret\n";
$text .= "noimap\t$common|options=disableimap=1|systempw={PLAIN}secret\nnoclear\t$common|options=disableinsecureimap=1|systempw={PLAIN}secret\n";
my @shadowed = grep {(getpwnam $_)[2]} qw(games bin);
$text .= "$shadowed[0]\thome=/home/x|systempw={PLAIN}secret\n";
sub install { my ($what) = @_; $t->file('etc/userdb/accounts', $what); chmod 0600, "$db/accounts"; chmod 0700, $db; if ($> == 0) { my @pw = getpwnam 'courier-auth'; chown @pw[2, 3], $db, "$db/accounts" if @pw } }
install($text);
like($t->command('courier', 'check'), qr/authdaemonrc:\d+: warning: LOGGEROPTS has no effect/, 'AUTH-0009: LOGGEROPTS: told that it does nothing');
is($?, 0, 'AUTH-0004 AUTH-0006: authmodulelistorig and authdaemonvar are no faults');
$t->start;

my $socket = $t->path('var/authdaemon/socket');
sub ask {
	my ($request) = @_;
	my $s = IO::Socket::UNIX->new(Peer => $socket) or return undef;
	print $s $request;
	local $/;
	my $answer = <$s>;
	return defined $answer ? $answer : '';
}
sub auth { my ($service, $type, $one, $two) = @_; my $body = "$service\n$type\n$one\n$two\n"; return ask('AUTH ' . length($body) . "\n$body") }
sub logs_in { my ($user, $password, $service) = @_; return auth($service || 'imap', 'login', $user, $password) =~ /^UID=.*\.\n\z/ms ? 1 : 0 }

# ---- the socket
is(sprintf('%o', (stat $socket)[2] & 0777), '777', 'AUTH-0011: the socket is open to all');
is(sprintf('%o', (stat $t->path('var/authdaemon'))[2] & 0777), '750', 'AUTH-0011 AUTH-0191: ... who can enter its folder');
like(ask("TCPREMOTEIP=192.0.2.1\nX_UNKNOWN=1\nPRE . imap full\@$domain\n"), qr/^UID=/, 'AUTH-0012: facts in front');
my $full = ask("PRE . imap full\@$domain\n");
is($full, 'UID=' . ($> || 1234) . "\nGID=1234\nHOME=/home/x\nADDRESS=full\@$domain\nNAME=Full Name\nMAILDIR=./Post\nQUOTA=1000S,10C\nPASSWD={PLAIN}for-imap\nPASSWD2=for-imap\n"
	. "OPTIONS=group=a,group=b,mailhost=h.test,wbnodsn=1,x-ours=y,disableimap=0,sharedgroup=all\n.\n",
	'AUTH-0013 AUTH-0017 AUTH-0062 AUTH-0063 AUTH-0064 AUTH-0066 AUTH-0067 AUTH-0068 AUTH-0069: PRE and its answer');
like($full, qr/^NAME=Full Name$/m, 'AUTH-0021: the name ends with the first comma');
like($full, qr/,sharedgroup=all$/m, 'AUTH-0008 AUTH-0048: DEFAULTOPTIONS adds what the account does not set');
like($full, qr/disableimap=0/, 'AUTH-0008: ... and it alone');
like($full, qr/^OPTIONS=group=a,group=b,mailhost=h\.test,wbnodsn=1,x-ours=y/m, 'AUTH-0047 AUTH-0055: options of all kinds go through as they are');
like(ask("PRE   authuserdb  imap   full\@$domain\n"), qr/^UID=/, 'AUTH-0013: one module, and blanks');
is(ask("PRE authpwd imap full\@$domain\n"), "FAIL\n", 'AUTH-0013: ... which does not know it');
is(ask("PRE authnonsuch imap full\@$domain\n"), "FAIL\n", 'AUTH-0013: ... or is not there');
is(ask("PRE . imap nobody-here\n"), "FAIL\n", 'AUTH-0017: FAIL');
is(ask("PRE . imap broken\n"), '', 'AUTH-0017: closed without a word: temporary');

# ---- modules
like($t->log, qr/authmodulelist: there is no 'authnonsuch' here/, 'AUTH-0003: a module that is missing is told and left out');
is(ask("PRE authcustom imap full\@$domain\n"), "FAIL\n", 'AUTH-0188: authcustom knows nobody');
is(ask("PRE . imap $shadowed[0]\n"), '', 'AUTH-0018: one that can not tell stops the search');
like(ask("PRE . imap $shadowed[1]\n"), qr/^USERNAME=$shadowed[1]\nUID=\d+\n/, 'AUTH-0003 AUTH-0018: one that does not know it, and the next does');
like(ask("PRE authpwd imap $shadowed[0]\n"), qr/^USERNAME=$shadowed[0]\n/, 'AUTH-0056: authpwd knows the users of the system');

# ---- stored passwords
for my $name (sort keys %name) {
	is(logs_in($name, 'secret'), 1, "$name{$name}[0]: $name{$name}[1]");
	is(logs_in($name, 'Secret'), 0, '... wrong');
}

# ---- services
is(logs_in("full\@$domain", 'general', 'pop3'), 1, 'AUTH-0070: systempw');
is(logs_in("full\@$domain", "for-$_", $_ eq 'web' ? 'webmail' : $_), 1, "AUTH-0071 AUTH-0189: for-$_") for qw(imap esmtp web);
is(logs_in("full\@$domain", 'general', $_), 0, "AUTH-0071: ... systempw counts no more for $_") for qw(imap esmtp webmail);
is(logs_in('full', 'for-imap'), 1, 'AUTH-0022: the default domain');
is(logs_in("full\@\U$domain", 'for-imap'), 1, 'AUTH-0085: domains in any case');
is(logs_in("weit\@b\xc3\xbccher.test", 'secret'), 1, 'AUTH-0085: a domain in UTF-8');

# ---- CRAM
sub cram {
	my ($hash, $user, $password, $service) = @_;
	my %by = (md5 => \&Digest::HMAC_MD5::hmac_md5_hex, sha1 => \&hmac_sha1_hex, sha256 => \&hmac_sha256_hex);
	return auth($service || 'imap', "cram-$hash", b64('<1.2@x>'), b64("$user " . $by{$hash}->('<1.2@x>', $password))) =~ /^UID=/ ? 1 : 0;
}
my %row = (md5 => "AUTH-0072", sha1 => "AUTH-0073", sha256 => "AUTH-0074");
for my $hash (qw(md5 sha1 sha256)) {
	is(cram($hash, 'cram', 'secret'), 1, "AUTH-0014 $row{$hash} AUTH-0084 AUTH-0030: cram-$hash by its context");
	is(cram($hash, 'cram', 'wrong'), 0, '... wrong');
	is(cram($hash, 'full', 'for-imap'), 1, "AUTH-0022 AUTH-0039: cram-$hash with the password itself, the domain added");
}
is(cram('md5', 'cram2', 'other', 'pop3'), 1, 'AUTH-0075: the context of a service');
is(cram('md5', 'cram2', 'secret', 'pop3'), 0, 'AUTH-0075: ... before the general one');
is(cram('md5', 'cram2', 'secret', 'imap'), 1, 'AUTH-0075: ... which others have');

# ---- a check that takes too long
my $began = time;
is(auth('imap', 'login', 'heavy', 'secret'), '', 'AUTH-0020: a check that does not end is a temporary failure');
cmp_ok(time - $began, '<', 20, '... in time');
is(logs_in("full\@$domain", 'for-imap'), 1, '... and on');

# ---- changes
sub passwd { my (@w) = @_; return ask('PASSWD ' . join("\t", @w) . "\t\n") }
sub record { my ($user) = @_; return slurp("$db/accounts") =~ /^\Q$user\E\t(.*)$/m ? $1 : '' }
is(passwd('imap', 'cram', 'x', 'y'), "FAIL\n", 'AUTH-0015: no password to compare with');
for (['auth-0034-0', qr/systempw=\{SSHA\}(?!\Q@{[substr $secret{'AUTH-0034'}[0], 6]}\E)/], ['auth-0039-0', qr/systempw=\{PLAIN\}fresh/], ['auth-0038-3', qr/systempw=\$6\$/], ['auth-0033-0', qr/systempw=\$y\$/], ['auth-0038-1', qr/systempw=\$y\$/]) {
	my ($user, $want) = @$_;
	is(passwd('imap', $user, 'wrong', 'fresh'), "FAIL\n", "AUTH-0015: $user: the old one must be right");
	is(passwd('imap', $user, 'secret', 'fresh'), "OK\n", "AUTH-0015: $user: OK");
	like(record($user), $want, 'AUTH-0040: the scheme stays where it is good');
	is(logs_in($user, 'fresh') . logs_in($user, 'secret'), '10', '... and counts');
}
is(passwd('imap', 'auth-0034-1', 'secret', "a\x01b"), "FAIL\n", 'AUTH-0015: control characters');
is(passwd('imap', "full\@$domain", 'for-imap', 'new'), "OK\n", 'AUTH-0015: of one service');
is(logs_in("full\@$domain", 'new') . logs_in("full\@$domain", 'general', 'pop3'), '11', 'AUTH-0071: ... which alone changes');

# ---- lists
my $list = ask("ENUMERATE\n");
like($list, qr/^# authuserdb\n\n/, 'AUTH-0016: ENUMERATE begins with a module');
like($list, qr/^# authcustom\n\n# authpwd\n\n/m, 'AUTH-0016: ... each has its line');
like($list, qr/^full\@$domain\t\d+\t1234\t\/home\/x\t\.\/Post\tgroup=a,group=b,[^\t\n]*$/m, 'AUTH-0016: ... name, uid, gid, home, Maildir, options');
like($list, qr/^$shadowed[1]\t\d+\t\d+\t\S+\t/m, 'AUTH-0056: ... the users of the system');
like($list, qr/\n\.\n\z/, 'AUTH-0016: ... and a dot at the end');
my @plain = split /\n/, $t->command('authenumerate');
is($?, 0, 'AUTH-0025: authenumerate');
ok((grep {/^noshare\t/} @plain), 'AUTH-0025: ... all');
my @shared = split /\n/, $t->command('authenumerate', '-s', '-o');
ok(!(grep {/^noshare\t/} @shared), 'AUTH-0025 AUTH-0046: -s leaves out who does not share');
ok((grep {/^full\@$domain\t.*\tgroup=a,group=b/} @shared), 'AUTH-0025: -o adds the options');

# ---- authtest
my $shown = $t->command('authtest', '-s', 'esmtp', "full\@$domain");
like($shown, qr/\Q$_\E/, "AUTH-0023: authtest shows $_") for "full\@$domain", '/home/x', './Post', '1000S,10C', 'Full Name', '{PLAIN}for-esmtp', 'group=a,group=b';
$t->command('authtest', 'full', 'wrong');
isnt($?, 0, 'AUTH-0023: a wrong password');
like($t->command('authtest', '-s', 'esmtp', 'full', 'for-esmtp', 'changed'), qr/changed/, 'AUTH-0023: a change');
is(logs_in('full', 'changed', 'esmtp'), 1, '... counts');

# ---- options and logins
sub imap { my ($user) = @_; my $s = $t->connect('imap'); readline $s; print $s "a LOGIN $user secret\r\n"; my $l = readline $s; return $l // '' }
like(imap('noimap'), qr/^a NO/, 'AUTH-0041: disableimap');
like(imap('noclear'), qr/^a NO/, 'AUTH-0043: disableinsecureimap in clear');
use IO::Socket::SSL ();
my $c = IO::Socket::SSL->new(PeerAddr => '127.0.0.1', PeerPort => $t->port('imaps'), SSL_verify_mode => 0, Timeout => 10) or die;
readline $c;
print $c "a LOGIN noclear secret\r\n";
unlike(readline($c) // '', qr/AUTHENTICATIONFAILED/, 'AUTH-0043: ... under TLS it is not refused');

# ---- what is logged
sub logged { my ($re) = @_; return $t->wait_for(20, sub { scalar $t->log_lines($re) }) }
ok(logged(qr/login accepted: service=imap, mechanism=PLAIN, user='full'/), 'AUTH-0007: DEBUG_LOGIN=1 tells of logins');
is(scalar($t->log_lines(qr/password=/)), 0, 'AUTH-0007: ... without passwords');
$t->configure(authdaemonrc => {DEBUG_LOGIN => 2, DEFAULTOPTIONS => ''});
$t->command('courier', 'reload');
ok($t->wait_for(10, sub { logs_in('cram', 'a-wrong-word'); scalar $t->log_lines(qr/login refused: .*password=a-wrong-word/) }), 'AUTH-0007: 2 tells them');
unlike(ask("PRE . imap full\@$domain\n"), qr/sharedgroup/, 'AUTH-0008: a reload changes DEFAULTOPTIONS');
$t->configure(authdaemonrc => {DEBUG_LOGIN => 0});
$t->command('courier', 'reload');
my $before = -1;
ok($t->wait_for(10, sub { my $n = scalar $t->log_lines(qr/login (?:accepted|refused): /); my $same = $n == $before; $before = $n; logs_in('cram', 'x'); sleep 0.2; $same && $n == scalar $t->log_lines(qr/login (?:accepted|refused): /) }), 'AUTH-0007: 0 is silent');

# ---- processes
my ($daemon) = map {/^auth\s+\d+\s+(\d+)/ ? $1 : ()} split /\n/, $t->command('courier', 'status');
ok($daemon, 'authdaemond runs') or diag $t->command('courier', 'status');
my @children = split ' ', slurp("/proc/$daemon/task/$daemon/children");
cmp_ok(scalar(@children), '<=', 2, 'AUTH-0005: daemons=2: no more than that');
cmp_ok(scalar(@children), '>=', 1, 'AUTH-0005: ... but some');
is($t->command('authdaemond', 'restart'), '', 'AUTH-0001: authdaemond restart');
ok($t->wait_for(20, sub { logs_in("full\@$domain", 'new') }), 'AUTH-0001: ... it answers') or diag $t->log;
is($t->command('authdaemond', 'stop'), '', 'AUTH-0001: authdaemond stop');
unlike($t->command('courier', 'status'), qr/^auth\s+0\s+\d+\s+ready/m, 'AUTH-0001: ... it is gone');
my $waits = IO::Socket::UNIX->new(Peer => $socket) or die $!;
print $waits "PRE . imap full\@$domain\n";
vec(my $in = '', fileno $waits, 1) = 1;
is(scalar(select $in, undef, undef, 1), 0, 'AUTH-0001: ... nobody answers');
is($t->command('authdaemond', 'start'), '', 'AUTH-0001: authdaemond start');
ok($t->wait_for(20, sub { logs_in("full\@$domain", 'new') }), 'AUTH-0001: ... it answers again');
like(scalar(readline $waits) // '', qr/^UID=/, 'AUTH-0001: ... who waits, too');

# ---- a client's patience
{
	my $fake = $t->scratch . '/f';
	mkdir "$fake$_" or die $! for '', '/etc', '/var', '/var/authdaemon';
	my $silent = IO::Socket::UNIX->new(Local => "$fake/var/authdaemon/socket", Listen => 5) or die $!;
	local $ENV{TIMEOUT_READ} = 1;
	$began = time;
	my $out = $t->command('authtest', '-C', $fake, 'x');
	isnt($?, 0, 'AUTH-0019: TIMEOUT_READ: a daemon that does not answer');
	cmp_ok(time - $began, '<', 10, 'AUTH-0019: ... is waited for as long as it says') or diag $out;
}
is(join("\n", $t->log_lines(qr/died of signal (?!9)|Sanitizer: |runtime error:/)), '', 'nothing died');
is($t->stop, '', 'stops');

# ---- what can't be read as settings
$t->configure(authdaemonrc => {daemons => 'many'});
like($t->command('courier', 'check'), qr/authdaemonrc:\d+: .*daemons/, 'AUTH-0002: authdaemonrc: a fault has its line');
isnt($?, 0, 'AUTH-0002: ... and is one');
done_testing;
