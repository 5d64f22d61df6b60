#!/usr/bin/perl
# The dialogue of the ESMTP server, row by row: what each command answers, in which words where the
# original's are kept, and in the RFCs' where they are not.
use strict;
use warnings;
use utf8;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Courier::Sasl qw(b64);
use Courier::Test;
use IO::Socket::SSL;

my $t = Courier::Test->new(
	users => ['alice', 'bob'],
	config => {
		esmtpd => {TARPIT => 0, BOFHCHECKDNS => 0, MAXPERIP => 1000, MAXPERC => 1000, ESMTP_MAXBAD => 1000, ESMTPAUTH => 'LOGIN', ESMTPAUTH_WEBADMIN => 'LOGIN PLAIN', ESMTPAUTH_TLS_WEBADMIN => 'PLAIN'},
		'esmtpd-msa' => {AUTH_REQUIRED => 0, BOFHNOVRFY => 1, BOFHNOEXPN => 1, ESMTP_LOG_DIALOG => 1},
		authdaemonrc => {AUTH_FAIL_DELAY => 0},
	},
	files => {
		'smtpaccess/default' => "127.0.0.2\tallow,RELAYCLIENT\n",
		'aliases/test' => "team: alice\@example.test, bob\@example.test\nsingle: alice\@example.test\n",
		esmtpacceptmailfor => "example.test\n",
		hosteddomains => "example.test\n",
		defaultdomain => "example.test\n",
	},
);
$t->file('mail/example.test/alice/.courier-default', "./Maildir\n");
$t->command($_) for 'makealiases', 'makesmtpaccess', 'makehosteddomains';
$t->start;
my $me = do {open my $f, '<', $t->path('etc/me') or die; my $l = <$f>; chomp $l; $l};

sub session {
	my (%o) = @_;
	my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $t->port($o{service} || 'smtp'), LocalAddr => $o{from} || '127.0.0.1', Timeout => 10) or die "connect: $@";
	$s->autoflush(1);
	my $r = $t->smtp_reply($s);
	$t->smtp($s, $_) for 'EHLO client.test', @{$o{say} || []};
	return wantarray ? ($s, $r) : $s;
}
# Commands one after the other; the last reply.
sub last_reply {
	my (@commands) = @_;
	my $s = session();
	my $r;
	$r = $t->smtp($s, $_) for @commands;
	return $r;
}

# ---- beginning and end
my ($s, $greeting) = session();
is $greeting, "220 $me ESMTP\r\n", 'MTA-0801: the banner';
is $t->smtp($s, 'HELO client.test'), "250 $me Ok.\r\n", 'MTA-0802: HELO has one line';
my @words = map {/^250[- ](.*)\r$/ ? $1 : ()} split /\n/, $t->smtp($s, 'EHLO client.test');
is shift @words, "$me Ok.", 'MTA-0803: EHLO begins with the host';
my @order = ('AUTH LOGIN', 'STARTTLS', 'XVERP=Courier', 'XEXDATA', 'PIPELINING', '8BITMIME', 'SMTPUTF8', (grep {/^SIZE/} @words), 'DSN');
my %wanted = map {$_ => 1} @order;
is join(' | ', grep {$wanted{$_}} @words), join(' | ', @order), 'MTA-0803: the keywords, in this order';
is scalar(grep {$_ eq 'ENHANCEDSTATUSCODES'} @words), 1, '... and status codes';
like join("\n", @words), qr/^SIZE \d+$/m, 'MTA-0804: SIZE with its number (RFC 1870)';
unlike join("\n", @words), qr/PLAIN/, 'MTA-0637: lists for web administration are not the server\'s';
is $t->command('courier', '-C', $t->path(''), 'check', '-q') =~ /WEBADMIN/ ? 'told' : '', '', 'MTA-0637: ... and no fault';
like $t->smtp($s, 'EHLO other.test'), qr/^250-/, 'MTA-0805: EHLO again';
like $t->smtp($s, 'EHLO'), qr/^501 5\.5\.4/, 'MTA-0805: EHLO without a name';
like $t->smtp($s, 'HELO'), qr/^501 5\.5\.4/, '... and HELO';
like $t->smtp($s, 'QUIT'), qr/^221 2\.0\.0/, 'MTA-0809: QUIT';
is $t->smtp_reply($s), '', 'MTA-0809: ... closes';
{
	my $c = $t->connect('smtp');
	$t->smtp_reply($c);
	like $t->smtp($c, 'MAIL FROM:<x@far.test>'), qr/^503 5\.5\.1/, 'MTA-0806: MAIL before EHLO';
	like $t->smtp($c, $_), qr/^503 5\.5\.1/, "MTA-0806: $_ too" for 'RCPT TO:<alice@example.test>', 'DATA', 'VRFY alice', 'AUTH LOGIN';
	like $t->smtp($c, $_), qr/^250 /, "$_ may come first" for 'NOOP', 'RSET';
}
$s = session();
like $t->smtp($s, $_), qr/^500 5\.5\.1/, "MTA-0807: $_ is not known" for 'XYZZY', 'ETRN example.test', 'TURN', '';
like $t->smtp($s, 'HELP'), qr/^214 2\.0\.0/, 'MTA-0807: HELP has an answer';
like $t->smtp($s, 'NOOP words'), qr/^250 2\.0\.0/, 'MTA-0808: NOOP';
like $t->smtp($s, 'RSET'), qr/^250 2\.0\.0/, 'MTA-0808: RSET';
like $t->smtp($s, 'AUTH LOGIN ' . b64('alice@example.test')), qr/^334 /, 'AUTH';
like $t->smtp($s, b64($Courier::Test::PASSWORD)), qr/^235 2\.7\.0/, 'MTA-0837: ... succeeds';
like $t->smtp($s, 'AUTH LOGIN'), qr/^503 5\.5\.1/, 'MTA-0807: AUTH twice';
$s = session();
like $t->smtp($s, 'AUTH XYZZY'), qr/^504 5\.5\.4/, 'MTA-0837: a mechanism that is unknown';
$t->smtp($s, 'MAIL FROM:<x@far.test>');
like $t->smtp($s, 'AUTH LOGIN'), qr/^503 5\.5\.1/, 'MTA-0837: not within a message';

# ---- VRFY and EXPN
$s = session();
like $t->smtp($s, 'VRFY alice'), qr/^250 2\.\S+ <?alice\@example\.test>?\r/, 'MTA-0810: VRFY gives the whole address';
like $t->smtp($s, 'VRFY nobody'), qr/^550 5\.1\.1/, 'MTA-0810: ... of who is there';
like $t->smtp($s, 'EXPN team'), qr/^250-\S+ <?alice\@example\.test>?\r\n250 \S+ <?bob\@example\.test>?\r/, 'MTA-0811: EXPN lists the members';
like $t->smtp($s, 'EXPN alice'), qr/^5\d\d /, '... of aliases';
$s = session(service => 'submission');
like $t->smtp($s, 'VRFY alice'), qr/^252 2\.5\.2/, 'MTA-0606, MTA-0810: BOFHNOVRFY';
like $t->smtp($s, 'VRFY nobody'), qr/^252 2\.5\.2/, 'MTA-0606: ... the same for nobody';
like $t->smtp($s, 'EXPN team'), qr/^252 2\.5\.2/, 'MTA-0605, MTA-0811: BOFHNOEXPN';

# ---- MTA-0611: the whole conversation in the log
$t->smtp($s, 'MAIL FROM:<logged@far.test>');
my $dialog = join "\n", $t->log_lines(qr/dialog,session=/);
like $dialog, qr/> EHLO client\.test.*< 250-\Q$me\E Ok\..*> VRFY alice.*< 252 .*> MAIL FROM:<logged\@far\.test>/s, 'MTA-0611: ESMTP_LOG_DIALOG';
unlike $dialog, qr/> VRFY alice\n.*VRFY alice\n.*VRFY alice/s, '... for its listener alone';
$s = session(service => 'submission');
$t->smtp($s, 'AUTH LOGIN ' . b64('alice@example.test'));
$t->smtp($s, b64($Courier::Test::PASSWORD));
unlike $t->log, qr/\Q${\b64($Courier::Test::PASSWORD)}\E/, 'MTA-0611: ... without what AUTH carries';

# ---- MAIL
my $mail = 'MAIL FROM:<x@far.test>';
# a blank behind the colon is let pass, as the original does whatever its FAQ says
my %syntax = ('FROM: <x@far.test>' => 250, 'FROM:x@far.test' => 501, 'FROM <x@far.test>' => 501, 'FROM:<x@far.test' => 501, 'FROM:' => 501, 'x@far.test' => 501,
	'FROM:<x@far.test>' => 250, 'FROM:<>' => 250, 'from:<x@far.test>' => 250);
like last_reply("MAIL $_"), qr/^$syntax{$_} /, "MTA-0812: MAIL $_: $syntax{$_}" for sort keys %syntax;
my %param = ('SIZE=100' => 250, 'SIZE=x' => 501, 'BODY=7BIT' => 250, 'BODY=8BITMIME' => 250, 'BODY=9BIT' => 501, 'RET=FULL' => 250, 'RET=HDRS' => 250, 'RET=SOME' => 501,
	'ENVID=a+2Bb' => 250, 'ENVID=a+2' => 501, 'AUTH=<>' => 250, 'SMTPUTF8' => 250, 'SMTPUTF8=1' => 501, 'VERP' => 250, 'XVERP' => 250, 'XVERP=Courier' => 250, 'EXDATA' => 250, 'XEXDATA' => 250,
	'FOO=BAR' => 555, 'RET=FULL RET=HDRS' => 501, 'SIZE=1 BODY=8BITMIME RET=HDRS ENVID=x SMTPUTF8 XVERP' => 250);
like last_reply("$mail $_"), qr/^$param{$_} /, "MTA-0813: MAIL parameter $_: $param{$_}" for sort keys %param;
like last_reply("$mail SIZE=99999999999"), qr/^552 5\.3\.4/, 'MTA-0804: an announced size beyond the limit';
like last_reply($mail, $mail), qr/^503 5\.5\.1/, 'MTA-0814: nested MAIL';
like last_reply($mail, 'RSET', $mail), qr/^250 /, 'MTA-0814: ... but after RSET';

# ---- RCPT
my $rcpt = 'RCPT TO:<alice@example.test>';
my %notify = ('NOTIFY=NEVER' => 250, 'NOTIFY=SUCCESS' => 250, 'NOTIFY=SUCCESS,FAILURE,DELAY' => 250, 'NOTIFY=NEVER,FAILURE' => 501, 'NOTIFY=SOON' => 501, 'NOTIFY=' => 501,
	'ORCPT=rfc822;a@b.test' => 250, 'ORCPT=xyz' => 501, 'X=Y' => 555, 'NOTIFY=DELAY ORCPT=rfc822;a+40b' => 250);
like last_reply($mail, "$rcpt $_"), qr/^$notify{$_} /, "MTA-0815: RCPT parameter $_: $notify{$_}" for sort keys %notify;
my @rcpt = (
	['MTA-0816', 'alice@example.test', qr/^501 5\.1\.3/], ['MTA-0816', 'alice@example.test>', qr/^501 5/], ['MTA-0816', '<alice@example.test', qr/^501 5/], ['MTA-0817', '<>', qr/^501 5/],
	['MTA-0817', '<@a.test:alice@example.test>', qr/^250 2\.1\.5/], ['MTA-0818', '<alice>', qr/^513 5\.1\.3/], ['MTA-0819', '<Nobody.Here@example.test>', qr/^550 5\.1\.1 .*Nobody\.Here\@example\.test/],
	['MTA-0820', '<x@elsewhere.test>', qr/^513 5\.7\.1 .*x\@elsewhere\.test/], ['RFC 5321, 4.5.1:', '<postmaster>', qr/^250 /], ['an alias:', '<single@example.test>', qr/^250 /],
);
like last_reply($mail, "RCPT TO:$_->[1]"), $_->[2], "$_->[0] RCPT TO:$_->[1]" for @rcpt;
$s = session(from => '127.0.0.2', say => [$mail]);
like $t->smtp($s, 'RCPT TO:<alice>'), qr/^250 /, 'MTA-0818: a client that may relay may leave the domain out';
like $t->smtp($s, 'RCPT TO:<x@elsewhere.test>'), qr/^250 /, 'MTA-0820: ... and relay';

# ---- DATA
like last_reply($mail, 'DATA'), qr/^503 5\.5\.1/, 'MTA-0821: DATA without a recipient';
like last_reply($mail, 'RCPT TO:<nobody@example.test>', 'DATA'), qr/^554 5\.5\.1/, 'MTA-0821: ... or without one that was taken';
$s = session(say => [$mail, $rcpt]);
like $t->smtp($s, 'DATA'), qr/^354 /, 'MTA-0822: 354';
print $s "Subject: taken\r\n\r\n.\r\n..two\r\n.\r\n";
like $t->smtp_reply($s), qr/^250 /, 'a lone dot ends it';
like $t->smtp_reply($s), qr/^500 /, '... so what follows is a command';
$s = session(say => [$mail, $rcpt, 'DATA']);
print $s "Subject: dots\r\n\r\n..\r\n..two\r\n...three\r\n.x\r\n.\r\n";
like $t->smtp_reply($s), qr/^250 2\.0\.0 Ok\. [0-9A-F]+\.[0-9A-F]+\r\n\z/, 'MTA-0822: 250 with the id of the message';
like $t->wait_mail('alice', qr/^Subject: dots$/m), qr/\n\n\.\n\.two\n\.\.three\nx\n\z/, 'MTA-0848: the first dot of a line is taken away';
$s = session(say => [$mail, $rcpt, 'DATA']);
print $s "Subject: bare\n\nx\n.\r\n.\r\n";
like $t->smtp_reply($s), qr/^554 5\.5\.2/, 'MTA-0848: a bare LF is no end of a line';
like $t->smtp($s, 'NOOP'), qr/^250/, '... and the session goes on';

# ---- MTA-0846: everything at once
my $group = "EHLO c\r\n$mail\r\n$rcpt\r\nRCPT TO:<nobody\@example.test>\r\nRCPT TO:<bob\@example.test>\r\nDATA\r\n";
$s = $t->connect('smtp');
$t->smtp_reply($s);
print $s $group;
is join(' ', map {substr $t->smtp_reply($s), 0, 3} 1 .. 6), '250 250 250 550 250 354', 'MTA-0846: replies in order';
print $s "Subject: grouped\r\n\r\nx\r\n.\r\n$mail\r\nRCPT TO:<bob\@example.test>\r\nRSET\r\nQUIT\r\n";
is join(' ', map {substr $t->smtp_reply($s), 0, 3} 1 .. 5), '250 250 250 250 221', 'MTA-0846: ... behind the dot too';

# ---- MTA-0853: SMTPUTF8
{
	no utf8;
	like last_reply("MAIL FROM:<\xc3\xa9\@far.test>"), qr/^553 5\.6\.7/, 'MTA-0853: UTF-8 wants the keyword';
	like last_reply("$mail", "RCPT TO:<\xc3\xa9\@example.test>"), qr/^553 5\.6\.7/, 'MTA-0853: ... in RCPT too';
	$s = session(say => ["MAIL FROM:<\xc3\xa9\@far.test> SMTPUTF8", $rcpt, 'DATA']);
	print $s "Subject: gr\xc3\xbc\xc3\x9fe\r\n\r\nx\r\n.\r\n";
	like $t->smtp_reply($s), qr/^250 /, 'MTA-0853: a sender beyond ASCII';
	my $text = $t->wait_mail('alice', qr/^Subject: gr\xc3\xbc\xc3\x9fe$/m);
	like $text, qr/^Return-Path: <\xc3\xa9\@far\.test>$/m, 'MTA-0853: ... arrives as it is';
	like $text, qr/with UTF8SMTP$/m, 'MTA-0853: Received says so';
	my $tls = session();
	$t->smtp($tls, 'STARTTLS');
	IO::Socket::SSL->start_SSL($tls, SSL_verify_mode => 0) or die;
	$t->smtp($tls, $_) for 'EHLO c', "MAIL FROM:<\xc3\xa9\@far.test> SMTPUTF8", $rcpt, 'DATA';
	print $tls "Subject: secure\r\n\r\nx\r\n.\r\n";
	$t->smtp_reply($tls);
	like $t->wait_mail('alice', qr/^Subject: secure$/m), qr/with UTF8SMTPS$/m, 'MTA-0853: ... also with TLS';
}

# ---- MTA-0854: what a filter is told of the client
my $note = $t->scratch . '/note';
mkdir $note;
chmod 0777, $note;
my $script = $t->scratch . '/filter.sh';
$t->script($script, "case \$4 in rcptfilter*) env > $note/env.new; mv $note/env.new $note/env ;; esac\nexit 0\n");
$t->file('etc/maildropfilter', "$script\n");
$t->file('etc/enablefiltering', "esmtp\n");
$t->file('mail/example.test/bob/.mailfilters/rcptfilter', '');
if ($> == 0) { my @u = getpwnam 'courier-mail'; chown @u[2, 3], $_ for $t->path('mail/example.test/bob/.mailfilters'), $t->path('mail/example.test/bob/.mailfilters/rcptfilter') }
chmod 0700, $t->path('mail/example.test/bob/.mailfilters');
chmod 0600, $t->path('mail/example.test/bob/.mailfilters/rcptfilter');
$t->restart;
$s = session();
$t->smtp($s, $_) for 'AUTH LOGIN ' . b64('alice@example.test'), b64($Courier::Test::PASSWORD), 'MAIL FROM:<alice@example.test>', 'RCPT TO:<bob@example.test>';
my $env = $t->wait_for(10, sub { open my $f, '<', "$note/env" or return; local $/; <$f> }) || '';
like $env, qr/^ESMTPHELO=client\.test$/m, 'MTA-0854: ESMTPHELO';
like $env, qr/^SENDERAUTH=alice\@example\.test$/m, 'MTA-0854: SENDERAUTH';
like $env, qr/^$_=$/m, "MTA-0842: a login sets $_" for 'RELAYCLIENT', 'FAXRELAYCLIENT';
unlink "$note/env";
$s = session(say => ['MAIL FROM:<x@far.test>', 'RCPT TO:<bob@example.test>']);
$env = $t->wait_for(10, sub { open my $f, '<', "$note/env" or return; local $/; <$f> }) || '';
like $env, qr/^ESMTPHELO=/m, 'a client without a login';
unlike $env, qr/^(?:SENDERAUTH|RELAYCLIENT|FAXRELAYCLIENT)=/m, '... is told apart';

# ---- MTA-0857: refusals of policy
$t->script($script, "case \$4 in rcptfilter*) exit 1 ;; esac\nexit 0\n");
like last_reply('MAIL FROM:<x@far.test>', 'RCPT TO:<bob@example.test>'), qr/^571 5\.7\.1/, 'MTA-0857: a mailbox that does not want it, without a word';
$t->script($script, "case \$4 in rcptfilter*) echo '550 not from you'; exit 1 ;; esac\nexit 0\n");
like last_reply('MAIL FROM:<x@far.test>', 'RCPT TO:<bob@example.test>'), qr/^550 5\.7\.1 not from you/, 'MTA-0857: ... in its own words';
is $t->stop, '', 'stops';
done_testing;
