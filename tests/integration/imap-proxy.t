#!/usr/bin/perl
# Mailboxes on other servers: IMAP_PROXY (IMAP-0036), POP3_PROXY, the account's option mailhost (AUTH-0049)
# (IMAP-0089 IMAP-0198), what the client sees (IMAP-0199), logs and pools of equal servers (IMAP-0200).
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Courier::Client qw(have run);
use Courier::Test;
use IO::Socket::INET;
use IO::Socket::SSL ();
use Mail::IMAPClient;
use MIME::Base64 qw(encode_base64);
use Net::POP3;

my $password = $Courier::Test::PASSWORD;
$SIG{PIPE} = 'IGNORE';
my $quick = {AUTH_FAIL_DELAY => 0};
my $back = Courier::Test->new(users => ['alice', 'bob', 'carol'], config => {authdaemonrc => $quick,
	imapd => {IMAP_CAPABILITY => 'IMAP4rev1 IDLE XBACK'}})->start;
my $front = Courier::Test->new(users => ['alice', 'bob', 'carol', 'dave'], config => {authdaemonrc => $quick,
	imapd => {IMAP_PROXY => 1, IMAP_PROXY_PORT => $back->port('imap'), PROXY_HOSTNAME => 'front.test'},
	pop3d => {POP3_PROXY => 1, POP3_PROXY_PORT => $back->port('pop3'), PROXY_HOSTNAME => 'front.test'}});
sub option { my ($user, $text) = @_; $front->command('userdb', "$user\@example.test", 'set', "options=$text") }
option('alice', 'mailhost=127.0.0.1');
option('bob', 'mailhost=Front.Test');
$front->start;

# ---- conversations ------------------------------------------------------------------------

sub secure {
	my ($service) = @_;
	my $s;
	# while one process takes over from another a connection may be turned away
	$front->wait_for(15, sub {
		$s = IO::Socket::SSL->new(PeerAddr => '127.0.0.1', PeerPort => $front->port($service || 'imaps'), SSL_verify_mode => 0, Timeout => 10);
		return $s && (readline($s) // '') =~ /^\* OK/;
	}) or die "no TLS: $IO::Socket::SSL::SSL_ERROR";
	return $s;
}
sub ask {
	my ($s, $text, $end) = @_;
	my $said = '';
	local $SIG{ALRM} = sub { die "slow\n" };
	print $s $text;
	eval {
		alarm 20;
		while (defined(my $line = readline $s)) { $said .= $line; last if $line =~ ($end || qr/^(?:a |\+)/) }
	};
	alarm 0;
	return $said . ($@ ? '(no more came)' : '');
}
sub heard {
	my ($s) = @_;
	local $SIG{ALRM} = sub { die "slow\n" };
	my $line = eval { alarm 20; readline $s };
	alarm 0;
	return $line // '';
}
sub deliver {
	my ($t, $user, $subject) = @_;
	$t->send_mail(from => 'x@far.example', to => "$user\@example.test", text => "Subject: $subject\n\nbody\n");
	return $t->wait_mail($user, qr/^Subject: $subject$/m);
}
ok deliver($back, 'alice', 'over-there'), 'mail on the other server';
ok deliver($front, 'bob', 'right-here'), 'mail here';

# ---- IMAP ---------------------------------------------------------------------------------

my $s = secure();
my $said = ask($s, "a CAPABILITY\r\n");
like $said, qr/AUTH=PLAIN/, 'PLAIN is offered';
unlike $said, qr/AUTH=(?:CRAM|SCRAM)/, 'IMAP-0198: mechanisms that hide the password from us are not';
like ask($s, "a LOGIN alice $password\r\nb SELECT INBOX\r\n", qr/^b /),
    qr/^a OK \[CAPABILITY IMAP4rev1 IDLE XBACK.*\] connected to proxy server\.\r\n.*^\* 1 EXISTS.*^b OK/ms,
    'IMAP-0199: the login is answered, what was pipelined is done there';
like ask($s, "a FETCH 1 BODY.PEEK[HEADER.FIELDS (SUBJECT)]\r\n"), qr/over-there/, '... in the other mailbox';
like ask($s, "a APPEND INBOX {19+}\r\nSubject: put\r\n\r\nx\r\n\r\n"), qr/^a OK/m, 'a message is put there';
ok $back->wait_mail('alice', qr/^Subject: put/m), '... and arrives';
like ask($s, "a LOGOUT\r\n"), qr/^\* BYE.*^a OK/ms, 'LOGOUT';
ok $front->wait_for(10, sub { $front->log_lines(qr/DISCONNECTED, user=alice\@example\.test, .*protocol=IMAP, mailhost=127\.0\.0\.1, rcvd=[1-9]\d*, sent=[1-9]\d*, time=\d/) }),
    'IMAP-0200: the end is logged';
is scalar($front->log_lines(qr/ LOGIN, user=alice\@example\.test, ip=\[::ffff:127\.0\.0\.1\], port=\[\d+\], protocol=IMAP, mailhost=127\.0\.0\.1, mailhosttls=1, starttls=1$/)), 1, 'IMAP-0200: so is the login' or diag $front->log;
is scalar($back->log_lines(qr/ LOGIN, user=alice\@example\.test, .*starttls=1/)), 1, 'over TLS, since it is offered, and asked for';

$s = secure();
like ask($s, "a LOGIN bob $password\r\nb SELECT INBOX\r\n", qr/^b /), qr/^a OK \[CAPABILITY.*^\* 1 EXISTS/ms, 'IMAP-0037: PROXY_HOSTNAME: who is at home here is served here';
like ask($s, "a FETCH 1 BODY.PEEK[HEADER]\r\n"), qr/right-here/, '... from the mailbox of this host';
close $s;
$s = secure();
like ask($s, "a LOGIN carol $password\r\n"), qr/^a OK(?!.*proxy)/m, 'who has no mailhost is served here, too';
close $s;
$s = secure();
like ask($s, "a LOGIN alice wrong\r\n"), qr/^a NO \[AUTHENTICATIONFAILED\]/m, 'a wrong password does not get as far';
like ask($s, "a AUTHENTICATE PLAIN " . encode_base64("\0alice\0$password", '') . "\r\n"), qr/^a OK .*proxy/m, 'AUTHENTICATE PLAIN';
close $s;
$s = secure();
like ask($s, "a AUTHENTICATE PLAIN\r\n"), qr/^\+/m, '... its response asked for';
like ask($s, encode_base64("\0alice\0$password", '') . "\r\n"), qr/^a OK .*proxy/m, '... and given';
close $s;

# clients
my $imap = Mail::IMAPClient->new(Server => '127.0.0.1', Port => $front->port('imaps'), User => 'alice', Password => $password, Ssl => [SSL_verify_mode => 0], Timeout => 20);
ok $imap && $imap->select('INBOX'), 'Mail::IMAPClient' or diag $@;
is scalar(@{[$imap->messages]}), 2, '... sees two messages' if $imap;
$imap->logout if $imap;
SKIP: {
	skip 'curl is not here', 1 if !have('curl');
	my ($status, $out) = run({}, 'curl', '-sk', '--max-time', 20, '-u', "alice:$password", 'imaps://127.0.0.1:' . $front->port('imaps') . '/INBOX;MAILINDEX=1');
	like $out, qr/over-there/, 'curl reads';
}
my $big = "Subject: big\r\n\r\n" . ('x' x 70 . "\r\n") x 60000;
$s = secure();
ask($s, "a LOGIN alice $password\r\n");
print $s "a APPEND INBOX {", length $big, "}\r\n";
like scalar(readline $s), qr/^\+/, 'a large message';
like ask($s, "$big\r\na SELECT INBOX\r\n"), qr/^a OK \[APPENDUID/m, '... goes there';
$said = ask($s, "b FETCH 3 BODY[]\r\n", qr/^b /);
cmp_ok length $said, '>', length $big, '... and comes back';
close $s;

# ---- POP3 ---------------------------------------------------------------------------------

my $pop = Net::POP3->new('127.0.0.1', Port => $front->port('pop3s'), SSL => 1, SSL_verify_mode => 0, Timeout => 20);
cmp_ok $pop->login('alice', $password) // -1, '>=', 2, 'POP3 is proxied, too';
like join('', @{$pop->get(1) || []}), qr/over-there/, '... a message';
$pop->quit;
is scalar($front->log_lines(qr/ LOGIN, user=alice\@example\.test, .*protocol=POP3, mailhost=127\.0\.0\.1, mailhosttls=1, stls=1$/)), 1, '... logged';

# ---- faults -------------------------------------------------------------------------------

# A server of another kind that says what it is given.
sub fake {
	my (@lines) = @_;
	my $l = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1') or die $!;
	my $port = $l->sockport;
	my $pid = fork // die;
	if (!$pid) {
		$SIG{ALRM} = 'DEFAULT';
		alarm 60;
		while (my $c = $l->accept) {
			my @say = @lines;
			$c->autoflush(1);
			print $c shift @say;
			while (@say && defined(my $in = readline $c)) { my $out = shift @say; print $c ref $out ? $out->($in) : $out }
			close $c;
		}
		require POSIX;
		POSIX::_exit(0);
	}
	close $l;
	return ($port, $pid);
}
sub reload {
	my (%imapd) = @_;
	my ($old) = grep {/imaplogin/} split /\n/, $front->command('courier', 'status');
	$front->configure(imapd => \%imapd);
	$front->command('courier', 'reload');
	return $front->wait_for(15, sub { my ($new) = grep {/imaplogin/} split /\n/, $front->command('courier', 'status'); ($new // '') ne ($old // '') });
}
sub attempt { my $c = secure(); my $r = ask($c, "a LOGIN " . ($_[0] || 'alice') . " $password\r\n"); return ($r, $c) }
# A line in the log, sooner or later, when somebody tries to log in.
sub told { my ($re, $name) = @_; ok $front->wait_for(20, sub { attempt() if !$front->log_lines($re); $front->log_lines($re) }), $name or diag $front->log }
# A login that ends like this, once the new process has taken over.
sub comes_to {
	my ($re, $name, $user) = @_;
	my ($r, $c);
	ok $front->wait_for(20, sub { ($r, $c) = attempt($user); $r =~ $re }), $name or diag $r;
	return $c;
}

my ($port, $pid) = fake("* OK hello\r\n", "* CAPABILITY IMAP4rev1 XOTHER\r\nC OK\r\n", "L OK in\r\n", "* CAPABILITY IMAP4rev1 XOTHER XIN\r\nC OK\r\n* OK at once\r\n", sub { $_[0] =~ /^(\S+)/; "$1 OK what you like\r\n" });
ok reload(IMAP_PROXY_PORT => $port, IMAP_PROXY_FOREIGN => 1), 'another server';
$s = comes_to qr/\A\* CAPABILITY IMAP4rev1 XOTHER XIN\r\na OK connected/, 'IMAP-0038 IMAP-0199: IMAP_PROXY_FOREIGN: what it can do is told';
like heard($s), qr/^\* OK at once/, '... and what comes behind the answer';
like ask($s, "a FROB\r\n"), qr/what you like/, '... and the rest is its own';
close $s;
ok reload(IMAP_PROXY_PORT => $port, IMAP_PROXY_TLS => 'required'), 'TLS is required now';
comes_to qr/^a NO \[UNAVAILABLE\]/m, 'IMAP-0198: no password without TLS where it is required';
told qr/cannot reach the mailbox, user=alice\@example\.test, .*it does not offer TLS, which is required/, '... the log says why';
comes_to qr/^a OK/m, '... who is at home here does not mind', 'bob';
kill 'TERM', $pid;
waitpid $pid, 0;
comes_to qr/^a NO \[UNAVAILABLE\]/m, 'a server that is down';
told qr/cannot reach the mailbox, .*no connection: Connection refused/, '... is told';

ok reload(IMAP_PROXY_PORT => $back->port('imap'), IMAP_PROXY_TLS => 'verify', IMAP_PROXY_FOREIGN => 0), 'certificates are checked';
comes_to qr/^a NO \[UNAVAILABLE\]/m, 'a certificate of nobody we trust';
told qr/cannot reach the mailbox, .*TLS failed/, '... is told';
ok reload(IMAP_PROXY_PORT => $front->port('imap'), IMAP_PROXY_TLS => 'offered'), 'the other server is ourselves';
comes_to qr/^a NO \[UNAVAILABLE\]/m, 'IMAP-0200: nobody calls himself';
told qr/cannot reach the mailbox, .*this host under another name; PROXY_HOSTNAME/, '... the log tells what to do';

# another password there
ok reload(IMAP_PROXY_PORT => $back->port('imap')), 'back to the other server';
option('dave', 'mailhost=127.0.0.1');
ok $front->wait_for(10, sub { (attempt('dave'))[0] =~ /^a NO \[AUTHENTICATIONFAILED\]/m }), 'an account that is not known there';
ok $front->log_lines(qr/the mailhost does not take the password that is right here, user=dave/), '... the log tells';
option('dave', 'mailhost=127.0.0.1,disableimap=1');
ok $front->wait_for(10, sub { (attempt('dave'))[0] =~ /^a NO/m }), 'IMAP-0089: disableimap goes before mailhost';
is(join("\n", map {$_->log_lines(qr/died of signal|Sanitizer: |runtime error:/)} $front, $back), '', 'nothing died');
is $front->stop, '', 'stops';
done_testing;
