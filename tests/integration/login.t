#!/usr/bin/perl
# slow
# The fronts of IMAP and POP3 before a login, by raw sockets: what is refused in clear, injected
# text, literals, limits, time-outs, and what is handed over to the session.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Courier::Test;
use IO::Select;
use IO::Socket::SSL ();
use MIME::Base64 qw(encode_base64);
use Time::HiRes qw(sleep time);

my $password = $Courier::Test::PASSWORD;
$SIG{PIPE} = "IGNORE";
my %limits = (LOGIN_TIMEOUT => 5, MAXPERIP => 12);
my $t = Courier::Test->new(users => ['alice', 'bob'], config => {
	imapd => \%limits, pop3d => \%limits, authdaemonrc => {AUTH_FAIL_DELAY => 0}});
my ($imaps, $pop3s) = ($t->port('imaps'), $t->port('pop3s'));
$t->command('userdb', 'alice@example.test', 'set', "specialpw={PLAIN}other-word");
$t->configure(imapd => {"AUTHSERVICE$imaps" => 'special', IMAP_CAPABILITY_TLS => 'IMAP4rev1 IDLE XTLSONLY'},
	pop3d => {DEFDOMAIN => '@nowhere.test', DOMAINSEP => '@!', POP3AUTH_TLS => 'PLAIN'});
$t->start;

# ---- conversations ------------------------------------------------------------------------

sub imap { my $s = $t->connect('imap'); return ($s, scalar readline $s) }
sub pop3 { my $s = $t->connect('pop3'); return ($s, scalar readline $s) }
sub tls_at {
	my ($service) = @_;
	my $s = IO::Socket::SSL->new(PeerAddr => '127.0.0.1', PeerPort => $t->port($service), SSL_verify_mode => 0, Timeout => 10) or die "TLS: $IO::Socket::SSL::SSL_ERROR";
	return ($s, scalar readline $s);
}
sub start_tls {
	my ($s, $command) = @_;
	print $s "$command\r\n";
	my $r = readline $s;
	return $r if $r !~ /^(a OK|\+OK)/;
	IO::Socket::SSL->start_SSL($s, SSL_verify_mode => 0, Timeout => 10) or return "no TLS: $IO::Socket::SSL::SSL_ERROR";
	return $s;
}

# Lines up to one that matches, or to the end; gives up after some seconds.
sub until_line {
	my ($s, $re, $seconds) = @_;
	my $said = '';
	local $SIG{ALRM} = sub { die "slow\n" };
	eval {
		alarm($seconds || 15);
		while (defined(my $line = readline $s)) {
			$said .= $line;
			last if $line =~ $re;
		}
	};
	alarm 0;
	$said .= "(no more came)" if $@;
	return $said;
}
sub ask { my ($s, $text, $re) = @_; print $s $text; return until_line($s, $re || qr/^(?:a |\+OK|-ERR|\+ )/) }

# Has the other side closed?  (what it said before that)
sub closed { my ($s, $seconds) = @_; my $said = until_line($s, qr/\A(?!)/, $seconds || 10); return $said !~ /no more came/ ? "closed: $said" : $said }

# ---- what is told -------------------------------------------------------------------------

my ($s, $greeting) = imap();
like($greeting, qr/^\* OK \[CAPABILITY IMAP4rev1 .*STARTTLS.*LOGINDISABLED/, 'IMAP greets, and takes no password in clear');
unlike($greeting, qr/AUTH=/, '... by no mechanism');
like(ask($s, "a CAPABILITY\r\n"), qr/^\* CAPABILITY IMAP4rev1.*\r\na OK/, 'CAPABILITY');
like(ask($s, "a LOGIN alice $password\r\n"), qr/^a NO \[PRIVACYREQUIRED\]/, 'LOGIN is refused in clear');
like(ask($s, "a AUTHENTICATE PLAIN\r\n"), qr/^a NO \[PRIVACYREQUIRED\]/, 'AUTHENTICATE too');
like(ask($s, "a NOOP\r\n"), qr/^a OK/, 'NOOP');
like(ask($s, "a SELECT INBOX\r\n"), qr/^a BAD/, 'nothing else before the login');
like(ask($s, "a LOGOUT\r\n"), qr/^\* BYE .*\r\na OK/s, 'LOGOUT');
like(closed($s), qr/^closed/, '... closes');

($s, $greeting) = pop3();
like($greeting, qr/^\+OK /, 'POP3 greets');
my $capa = ask($s, "CAPA\r\n", qr/^\.\r/);
like($capa, qr/^STLS\r$/m, 'CAPA has STLS');
unlike($capa, qr/^(?:USER|SASL)/m, '... and nothing that takes passwords');
like(ask($s, "USER alice\r\n"), qr/^-ERR .*TLS/, 'USER is refused in clear');
like(ask($s, "PASS $password\r\n"), qr/^-ERR .*TLS/, 'PASS too');
like(ask($s, "AUTH PLAIN " . encode_base64("\0alice\0$password", '') . "\r\n"), qr/^-ERR/, 'AUTH too');
like(ask($s, "STAT\r\n"), qr/^-ERR/, 'nothing else before the login');
like(ask($s, "QUIT\r\n"), qr/^\+OK/, 'QUIT');

# ---- text behind STARTTLS (IMAP-0096) --------------------------------------------------------

for (['imap', "a STARTTLS\r\nb LOGIN alice $password\r\nc CREATE stolen\r\n", qr/^b |^c /m],
	['pop3', "STLS\r\nUSER alice\@example.test\r\nPASS $password\r\n", qr/maildrop|logged/i]) {
	my ($service, $text, $answer) = @$_;
	$s = $t->connect($service);
	readline $s;
	print $s $text;
	sleep 0.2;
	my $tls = IO::Socket::SSL->start_SSL($s, SSL_verify_mode => 0, Timeout => 5);
	my $said = $tls ? until_line($tls, $answer, 3) : '';
	unlike($said, $answer, "$service: commands behind STARTTLS in clear do not survive it");
}
ok(!-e $t->maildir('alice') . '/.stolen', '... nothing was done');
ok($t->log_lines(qr/pipelined behind (?:STARTTLS|STLS)/), '... and the log tells');

# ---- under TLS ----------------------------------------------------------------------------

($s) = imap();
$s = start_tls($s, 'a STARTTLS');
ok(ref $s, 'STARTTLS') or BAIL_OUT($s);
my $caps = ask($s, "a CAPABILITY\r\n");
like($caps, qr/^\* CAPABILITY IMAP4rev1 IDLE XTLSONLY\b.*AUTH=PLAIN/, 'IMAP_CAPABILITY_TLS');
unlike($caps, qr/STARTTLS|LOGINDISABLED/, '... no STARTTLS any more');
like(ask($s, "a STARTTLS\r\n"), qr/^a BAD/, 'no second STARTTLS');
like(ask($s, "a LOGIN alice $password\r\n"), qr/^a OK/, 'LOGIN');
like(ask($s, "a CAPABILITY\r\n"), qr/^\* CAPABILITY IMAP4rev1 IDLE XTLSONLY\b/, 'the session says the same');
ask($s, "a LOGOUT\r\n");

sub secure { my ($x) = imap(); return start_tls($x, 'a STARTTLS') }

# literals and quoting
$s = secure();
is(ask($s, "a LOGIN {5}\r\n"), "+ go on\r\n", 'a literal is asked for');
is(ask($s, "alice {" . length($password) . "}\r\n"), "+ go on\r\n", '... a second one');
like(ask($s, "$password\r\n"), qr/^a OK/, '... login');
close $s;
$s = secure();
like(ask($s, "a LOGIN {5+}\r\nalice {" . length($password) . "+}\r\n$password\r\n"), qr/\Aa OK/, 'non-synchronising literals');
close $s;
$s = secure();
like(ask($s, "a LOGIN \"ali\\ce\" \"$password\"\r\n"), qr/^a (?:OK|BAD|NO)/, 'an odd escape does no harm');
like(ask($s, "a NOOP\r\n"), qr/^a OK/, '... the connection lives') if $s->connected;
close $s;
$s = secure();
like(ask($s, "a LOGIN \"alice\" \"$password\"\r\n"), qr/^a OK/, 'quoted');
close $s;
$s = secure();
like(ask($s, "a LOGIN {5+}\r\nalice\r\n"), qr/^a BAD/, 'a login without a password');
like(ask($s, "a LOGIN \"unfinished\r\n"), qr/^a BAD/, 'an unfinished string');
like(ask($s, "a LOGIN {0}\r\n"), qr/^\+ /, 'an empty literal');
like(ask($s, " x\r\n"), qr/^a BAD/, '... is no name');
like(ask($s, "a LOGIN al\0ice x\r\n"), qr/^a (?:BAD|NO)/, 'a NUL');
like(ask($s, "\r\n", qr/BAD/), qr/BAD/, 'an empty line') ;
like(ask($s, "a\r\n", qr/BAD/), qr/BAD/, 'a tag alone');
like(ask($s, "+ x\r\na NOOP\r\n", qr/^a /), qr/BAD.*^a OK/ms, 'a bad tag');
close $s;
for ('{99999999999999999999}', '{1000000000}', '{8193}', '{8193+}') {
	$s = secure();
	print $s "a LOGIN $_\r\n";
	like(closed($s), qr/^closed: \* BYE/, "a literal of $_ ends it");
}
$s = secure();
print $s 'a LOGIN ' . 'x' x 30000;
like(closed($s), qr/^closed: \* BYE/, 'so does a line without end');

# AUTHENTICATE
my $plain = encode_base64("\0alice\0$password", '');
$s = secure();
is(ask($s, "a AUTHENTICATE PLAIN\r\n"), "+ \r\n", 'AUTHENTICATE PLAIN');
like(ask($s, "*\r\n"), qr/^a BAD/, '... given up');
like(ask($s, "a AUTHENTICATE PLAIN\r\n"), qr/^\+ /, '... again');
like(ask($s, "%%%no base64%%%\r\n"), qr/^a BAD/, '... rubbish');
like(ask($s, "a AUTHENTICATE PLAIN %%%\r\n"), qr/^a BAD/, '... rubbish at once');
like(ask($s, "a AUTHENTICATE PLAIN =\r\n"), qr/^(?:a NO|\+ )/, '... an empty first response');
$s = secure();
like(ask($s, "a AUTHENTICATE PLAIN " . encode_base64('no NULs', '') . "\r\n"), qr/^a NO/, '... no PLAIN');
like(ask($s, "a AUTHENTICATE XYZZY\r\n"), qr/^a NO/, '... an unknown mechanism');
like(ask($s, "a AUTHENTICATE\r\n"), qr/^a BAD/, '... none');
like(ask($s, "a AUTHENTICATE PLAIN $plain\r\n"), qr/^a OK/, '... login with an initial response');
close $s;
$s = secure();
ask($s, "a AUTHENTICATE PLAIN\r\n");
print $s 'A' x 20000, "\r\n";
like(closed($s), qr/^closed: \* BYE/, 'an endless response ends it');

# commands that come along with LOGIN are for the session
$s = secure();
like(ask($s, "a LOGIN alice $password\r\nb SELECT INBOX\r\nc NOOP\r\n", qr/^c /), qr/^a OK.*^\* FLAGS.*^b OK.*^c OK/ms, 'what is pipelined behind LOGIN is done by the session');
close $s;
$s = secure();
like(ask($s, "a AUTHENTICATE PLAIN $plain\r\nb CREATE INBOX.Pipelined\r\nc LOGOUT\r\n", qr/^c /), qr/^a OK.*^b OK.*^c OK/ms, '... behind AUTHENTICATE, too');
ok(-d $t->maildir('alice') . '/.Pipelined', '... it is done');

# failures
$s = secure();
my $said = '';
$said .= ask($s, "a LOGIN alice wrong\r\n") for 1 .. 4;
is(scalar(() = $said =~ /^a NO \[AUTHENTICATIONFAILED\]/mg), 4, 'wrong passwords');
like(ask($s, "a LOGIN no-such-user wrong\r\n"), qr/^a NO \[AUTHENTICATIONFAILED\] Login failed\./, '... an unknown name sounds the same');
like(closed($s), qr/^closed: .*BYE/, '... five of them close the connection');
$s = secure();
print $s "x$_ FROBNICATE\r\n" for 1 .. 15;
like(closed($s), qr/^closed: .*BYE/s, 'many unknown commands, too');

# ---- services and domains -----------------------------------------------------------------

($s) = tls_at('imaps');
like(ask($s, "a LOGIN alice $password\r\n"), qr/^a NO/, 'IMAP-0020: AUTHSERVICEnnn: the service\'s own password counts at that port');
like(ask($s, "a LOGIN alice other-word\r\n"), qr/^a OK/, '... it alone');
close $s;

($s) = pop3();
$s = start_tls($s, 'STLS');
like(ask($s, "CAPA\r\n", qr/^\.\r/), qr/^USER\r\nSASL PLAIN\r$/m, 'POP3AUTH_TLS');
like(ask($s, "USER alice\r\n") . ask($s, "PASS $password\r\n"), qr/\+OK.*-ERR \[AUTH\]/s, 'DEFDOMAIN: a bare name is one of that domain');
like(ask($s, 'AUTH PLAIN ' . encode_base64("\0alice\0$password", '') . "\r\n"), qr/^-ERR \[AUTH\]/, '... by AUTH, too');
like(ask($s, "USER alice\@example.test\r\n") . ask($s, "PASS $password\r\n"), qr/\+OK.*\+OK/s, '... a whole one is not changed');
like(ask($s, "QUIT\r\n"), qr/^\+OK/, '... and logged in');

# ---- POP3's own ---------------------------------------------------------------------------

sub secure_pop { my ($x) = tls_at('pop3s'); return $x }
$s = secure_pop();
like(ask($s, "PASS x\r\n"), qr/^-ERR/, 'PASS without USER');
like(ask($s, "USER\r\n"), qr/^-ERR/, 'USER without a name');
like(ask($s, "USER " . 'u' x 300 . "\r\n"), qr/^-ERR/, 'a name that is too long');
is(ask($s, "AUTH PLAIN\r\n"), "+ \r\n", 'AUTH PLAIN');
like(ask($s, "*\r\n"), qr/^-ERR/, '... given up');
is(ask($s, "AUTH PLAIN\r\n"), "+ \r\n", '... again');
like(ask($s, "!!!\r\n"), qr/^-ERR/, '... rubbish');
like(ask($s, "AUTH LOGIN\r\n"), qr/^-ERR/, '... a mechanism that is not offered');
like(ask($s, 'AUTH PLAIN ' . encode_base64("\0alice\@example.test\0$password", '') . "\r\nSTAT\r\n", qr/^\+OK \d/), qr/^\+OK.*\+OK \d+ \d+/s, 'what is pipelined behind the login is done by the session');
close $s;
$s = secure_pop();
print $s 'USER ' . 'x' x 5000 . "\r\n";
like(closed($s), qr/^closed: -ERR/, 'a line that is too long ends it');
$s = secure_pop();
$said = '';
for (1 .. 5) { $said .= ask($s, "USER bob\@example.test\r\n") . ask($s, "PASS wrong\r\n") }
is(scalar(() = $said =~ /^-ERR \[AUTH\]/mg), 5, 'five wrong passwords');
like(closed($s), qr/^closed/, '... close');

# ---- limits and time (IMAP-0087: LOGIN_TIMEOUT) ------------------------------------------------

my (@held, $refused);
for (1 .. 14) {
	my $c = $t->connect('pop3');
	my $line = until_line($c, qr/^/, 5);
	$line =~ /^\+OK/ ? push @held, $c : $refused++;
}
is(scalar @held, 12, 'MAXPERIP connections');
is($refused, 2, '... and not one more');
my $now = time;
my ($half) = imap();
print $half "a LOG";
my ($idle_tls) = tls_at('imaps');
my $mute = $t->connect('imaps'); # TLS that never begins
like(closed($held[0], 12), qr/^closed/, 'who says nothing is closed');
cmp_ok(time - $now, '>', 2, '... not at once');
for (['half a command', $half], ['silence under TLS', $idle_tls], ['no TLS at all', $mute]) {
	like(closed($_->[1], 10), qr/^closed/, "$_->[0]: closed");
}
cmp_ok(time - $now, '<', 12, '... all of them in LOGIN_TIMEOUT');
ok($t->log_lines(qr/ TIMEOUT, ip=\[\S+\], port=\[\d+\], protocol=POP3$/), 'POP-0063: the log: TIMEOUT');
@held = ();
ok($t->wait_for(20, sub { my ($c, $g) = pop3(); ($g // '') =~ /^\+OK/ }), 'then there is room again');

# ---- in clear, when the administrator wants it --------------------------------------------

$t->configure('imapd-ssl' => {IMAP_TLS_REQUIRED => 0});
$t->command('courier', 'reload');
is($?, 0, 'reload');
ok($t->wait_for(10, sub { my ($c, $g) = imap(); ($g // '') !~ /LOGINDISABLED/ }), 'logins in clear are allowed now');
($s, $greeting) = imap();
like($greeting, qr/AUTH=PLAIN/, 'the greeting says so');
print $s "a LOGIN alice $password\r\nb SELECT INBOX\r\nc LOGOUT\r\n";
like(closed($s), qr/^closed: a OK.*^b OK.*^c OK/ms, 'the session gets connection and pipelined commands');
($s) = imap();
like(ask($s, "a LOGIN alice {" . length($password) . "}\r\n"), qr/^\+ /, 'a literal in clear');
print $s "$password\r\nb NOOP\r\n";
like(until_line($s, qr/^b /), qr/^a OK.*^b OK/ms, '... and on');
close $s;
is(join("\n", $t->log_lines(qr/died of signal|Sanitizer: |runtime error:/)), '', 'nothing died');
done_testing;
