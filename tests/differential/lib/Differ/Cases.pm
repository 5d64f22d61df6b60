package Differ::Cases;

# What both servers are asked.
#
# A case: {name, kind, ...}
#	dialog   lines => [...], from => client's address       replies are compared
#	message  sender, rcpt => [...], params, text, client    reply, and what arrives anywhere, are compared
#	sendmail args => [...], env => {...}, text              exit status, and what arrives
#	command  name, args                                     exit status and output
#	submit   args => [...], text                            codes of the replies, exit status, and what arrives
#
# %TAG% in addresses and text becomes the case's own word, so that what arrives can be told apart.

use strict;
use warnings;
use Differ::Edge;
use MIME::Base64 ();

my @cases;

sub b64 { return MIME::Base64::encode_base64($_[0], '') }

sub dialog {
	my ($name, @lines) = @_;
	push @cases, {name => "dialog $name", kind => 'dialog', lines => \@lines};
}

sub message {
	my ($name, $text, %more) = @_;
	push @cases, {name => "message $name", kind => 'message', sender => 'sender@far.test', rcpt => ['alice-%TAG%@example.test'], text => $text, %more};
}

sub relay {
	my ($name, $text, $hop, %more) = @_;
	message("relayed to $hop, $name", $text, rcpt => ["\%TAG%\@$hop.test"], client => '127.0.0.2', %more);
}

sub sendmail {
	my ($name, $text, $args, $env, %more) = @_;
	push @cases, {name => "sendmail $name", kind => 'sendmail', text => $text, args => $args, env => $env || {}, %more};
}

sub conversation {
	my ($name, $text, @args) = @_;
	push @cases, {name => "submit $name", kind => 'submit', text => $text, args => \@args};
}

sub command { my ($name, @args) = @_; push @cases, {name => "command $name @args", kind => 'command', command => $name, args => \@args} }

my $mail = 'MAIL FROM:<sender@far.test>';
my $hello = 'EHLO client.test';

sub dialogs {
	my %rcpt = (
		'a user' => 'alice@example.test', 'upper case' => 'ALICE@example.test', 'upper domain' => 'alice@EXAMPLE.Test',
		'unknown' => 'nobody@example.test', 'no domain' => 'alice', 'postmaster' => 'postmaster', 'Postmaster' => 'PostMaster@example.test',
		'relay' => 'x@elsewhere.test', 'extension' => 'alice-x@example.test', 'no extension' => 'carol-x@example.test',
		'an alias' => 'team@example.test', 'alias with own name' => 'single@example.test', 'virtual' => 'any@virtual.test',
		'hosted' => 'carol@hosted.test', 'hosted unknown' => 'nobody@hosted.test', 'hosted alias domain' => 'carol@other.test',
		'hosted extension' => 'carol-box@hosted.test', 'wildcard host' => 'dan@a.wild.test', 'wildcard unknown' => 'eve@a.wild.test',
		'wildcard itself' => 'dan@wild.test', 'literal' => 'alice@[127.0.0.1]', 'other literal' => 'alice@[192.0.2.1]',
		'percent' => 'alice%example.test@example.test', 'bang' => 'example.test!alice', 'route' => '@a.test:alice@example.test',
		'quoted' => '"alice"@example.test', 'quoted blank' => '"al ice"@example.test', 'two ats' => 'a@b@example.test',
		'empty local' => '@example.test', 'dot first' => '.alice@example.test', 'xalias' => '.xalias/x@example.test',
		'plus' => 'alice+x@example.test', 'slash' => 'ali/ce@example.test', 'bad domain' => 'alice@exa_mple.test', 'trailing dot' => 'alice@example.test.',
		'double dot' => 'alice@example..test', 'at end' => 'alice@', 'spamtrap' => 'trap@example.test', 'long local' => ('a' x 300) . '@example.test',
		'me' => 'alice@mx.example.test', 'localhost' => 'alice@localhost', 'self' => 'self@example.test', 'out alias' => 'out@example.test',
	);
	dialog("RCPT $_", $hello, $mail, "RCPT TO:<$rcpt{$_}>") for sort keys %rcpt;
	my %from = (
		'empty' => '<>', 'no brackets' => 'x@far.test', 'blank first' => ' <x@far.test>', 'no domain' => '<x>', 'badfrom' => '<spammer@bad.test>',
		'other at bad domain' => '<x@bad.test>', 'domain' => '<x@evil.test>', 'below' => '<x@a.sub.test>', 'domain itself' => '<x@sub.test>',
		'utf8 without' => "<\xc3\xa9\@far.test>", 'utf8' => "<\xc3\xa9\@far.test> SMTPUTF8", '8bit' => '<x@far.test> BODY=8BITMIME',
		'body wrong' => '<x@far.test> BODY=9BIT', 'size' => '<x@far.test> SIZE=1000', 'too large' => '<x@far.test> SIZE=1000000',
		'size word' => '<x@far.test> SIZE=abc', 'ret' => '<x@far.test> RET=FULL ENVID=abc', 'ret wrong' => '<x@far.test> RET=SOME',
		'unknown' => '<x@far.test> FOO=BAR', 'verp' => '<x@far.test> VERP', 'xverp' => '<x@far.test> XVERP=Courier', 'auth' => '<x@far.test> AUTH=<>',
		'security' => '<x@far.test> SECURITY=STARTTLS', 'exdata' => '<x@far.test> EXDATA', 'literal' => '<x@[192.0.2.1]>', 'percent' => '<x%y@far.test>',
		'bang' => '<a!b!c>', 'ours' => '<alice@example.test>', 'trailing' => '<x@far.test>junk',
	);
	dialog("MAIL $_", $hello, "MAIL FROM:$from{$_}") for sort keys %from;
	my %notify = ('never' => 'NOTIFY=NEVER', 'all' => 'NOTIFY=SUCCESS,FAILURE,DELAY', 'both' => 'NOTIFY=NEVER,FAILURE', 'wrong' => 'NOTIFY=SOON',
		'orcpt' => 'ORCPT=rfc822;a@b.test', 'orcpt wrong' => 'ORCPT=xyz', 'unknown' => 'X=Y');
	dialog("RCPT parameter $_", $hello, $mail, "RCPT TO:<alice\@example.test> $notify{$_}") for sort keys %notify;
	dialog('order: MAIL first', $mail);
	dialog('order: HELO', 'HELO client.test', $mail, 'RCPT TO:<alice@example.test>');
	dialog('order: EHLO alone', 'EHLO');
	dialog('order: EHLO twice', $hello, $hello);
	dialog('order: RCPT first', $hello, 'RCPT TO:<alice@example.test>');
	dialog('order: DATA first', $hello, 'DATA');
	dialog('order: DATA without recipients', $hello, $mail, 'DATA');
	dialog('order: MAIL twice', $hello, $mail, $mail);
	dialog('order: RSET', $hello, $mail, 'RSET', $mail);
	dialog('order: RSET first', 'RSET');
	dialog('words', $hello, 'NOOP', 'HELP', 'ETRN example.test', 'FOO', '', 'VRFY alice', 'VRFY nobody', 'VRFY team', 'EXPN team', 'EXPN alice', 'EXPN nobody', 'QUIT');
	dialog('maxrcpts', $hello, $mail, map {"RCPT TO:<alice-$_\@example.test>"} 1 .. 7);
	my ($plain, $wrong, $far) = (b64("\0alice\0secret"), b64("\0alice\0wrong"), 'RCPT TO:<x@elsewhere.test>');
	dialog('AUTH PLAIN', $hello, "AUTH PLAIN $plain", $mail, $far);
	dialog('AUTH PLAIN asked', $hello, 'AUTH PLAIN', $plain, $mail, $far);
	dialog('AUTH LOGIN', $hello, 'AUTH LOGIN', b64('alice'), b64('secret'), $mail, $far);
	dialog('AUTH LOGIN at once', $hello, 'AUTH LOGIN ' . b64('alice'), b64('secret'), $mail, $far);
	dialog('AUTH wrong', $hello, "AUTH PLAIN $wrong", $mail, $far);
	dialog('AUTH nobody', $hello, 'AUTH PLAIN ' . b64("\0nobody\0secret"));
	dialog('AUTH small letters', $hello, "auth plain $plain");
	dialog('AUTH as another', $hello, 'AUTH PLAIN ' . b64("bob\0alice\0secret"));
	dialog('AUTH given up', $hello, 'AUTH LOGIN', '*', 'NOOP');
	dialog('AUTH given up later', $hello, 'AUTH LOGIN', b64('alice'), '*', "AUTH PLAIN $plain");
	dialog('AUTH no base64', $hello, 'AUTH LOGIN', '!!!', 'NOOP');
	dialog('AUTH twice', $hello, "AUTH PLAIN $plain", "AUTH PLAIN $plain");
	dialog('AUTH again after a failure', $hello, "AUTH PLAIN $wrong", "AUTH PLAIN $plain");
	dialog('AUTH in a message', $hello, $mail, "AUTH PLAIN $plain");
	dialog('AUTH before EHLO', "AUTH PLAIN $plain");
	dialog('AUTH after HELO', 'HELO client.test', "AUTH PLAIN $plain");
	dialog('AUTH unknown', $hello, 'AUTH XYZZY');
	dialog('AUTH alone', $hello, 'AUTH');
	dialog('AUTH CRAM without a record', $hello, 'AUTH CRAM-MD5', b64('alice 0123456789abcdef0123456789abcdef'));
	dialog('AUTH and RSET', $hello, "AUTH PLAIN $plain", 'RSET', $mail, $far);
	dialog('AUTH and EHLO', $hello, "AUTH PLAIN $plain", $hello, $mail, $far);
	dialog('STARTTLS with a word', $hello, 'STARTTLS x');
	push @cases, {name => 'dialog relay client', kind => 'dialog', client => '127.0.0.2', lines => [$hello, $mail, 'RCPT TO:<x@full.test>', 'RCPT TO:<bare>', 'RCPT TO:<nobody@example.test>']};
	push @cases, {name => 'dialog blocked client', kind => 'dialog', client => '127.0.0.4', lines => [$hello, $mail, 'RCPT TO:<alice@example.test>', 'QUIT']};
	push @cases, {name => 'dialog small client', kind => 'dialog', client => '127.0.0.5', lines => [$hello, "$mail SIZE=2000", 'RCPT TO:<alice@example.test>']};
}

my $h = "From: Some One <sender\@far.test>\nTo: alice\@example.test\nSubject: %TAG%\nDate: Mon, 01 Jan 2001 00:00:00 +0000\nMessage-ID: <%TAG%\@far.test>\n";
my $mime = "${h}Mime-Version: 1.0\n";
my $latin = "caf\xe9 d\xe9j\xe0 vu\n";
my $utf8 = "caf\xc3\xa9\n";

sub bodies {
	my %b = (
		'plain' => "$h\nhello\n", 'no final newline' => "$h\nhello", 'empty body' => "$h\n", 'dots' => "$h\n.\n..\n.x\n", 'long line' => "$h\n" . 'x' x 2000 . "\n",
		'trailing blanks' => "$h\na  \nb\t\n", 'from line' => "$h\nFrom me to you\n>From\n", 'utf-8, declared' => "${mime}Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n$utf8",
		'latin-1, declared' => "${mime}Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: 8bit\n\n$latin",
		'quoted-printable' => "${mime}Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\ncaf=C3=A9 =\nsoft\n",
		'base64' => "${mime}Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\naGVsbG8gd29ybGQK\n",
		'multipart' => "${mime}Content-Type: multipart/mixed; boundary=\"xx\"\n\npreamble\n--xx\nContent-Type: text/plain\n\none\n--xx\nContent-Type: application/octet-stream\nContent-Transfer-Encoding: base64\n\nAAECAwQ=\n--xx--\nepilogue\n",
		'multipart, 8bit inside' => "${mime}Content-Type: multipart/mixed; boundary=xx\n\n--xx\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n$utf8\n--xx\nContent-Type: text/plain\n\nplain\n--xx--\n",
		'nested message' => "${mime}Content-Type: message/rfc822\n\nSubject: inner\nMime-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n$utf8",
		'signed' => "${mime}Content-Type: multipart/signed; boundary=xx; protocol=\"application/pgp-signature\"; micalg=pgp-sha1\n\n--xx\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n$utf8\n--xx\nContent-Type: application/pgp-signature\n\nsig\n--xx--\n",
	);
	return %b;
}

sub messages {
	my %b = bodies();
	message($_, $b{$_}) for sort keys %b;
	for my $hop (qw(full bits plain helo)) {
		relay($_, $b{$_}, $hop) for sort keys %b;
	}
	my %m = (
		'no header at all' => "\njust text\n", 'no From' => "To: alice\@example.test\nSubject: %TAG%\n\nx\n", 'no To' => "From: a\@far.test\nSubject: %TAG%\n\nx\n",
		'no Date' => "From: a\@far.test\nTo: b\@far.test\nSubject: %TAG%\n\nx\n", 'bare names' => "From: a\nTo: alice, bob\nCc: c\@d\nSubject: %TAG%\n\nx\n",
		'brackets' => "From: <a\@far.test>\nTo: <alice\@example.test>\nSubject: %TAG%\n\nx\n", 'comments' => "From: a\@far.test (Some One)\nTo: (x) alice\@example.test (y)\nSubject: %TAG%\n\nx\n",
		'group' => "From: a\@far.test\nTo: people: alice\@example.test, bob\@example.test;\nSubject: %TAG%\n\nx\n", 'upper domain' => "From: a\@FAR.Test\nTo: alice\@EXAMPLE.TEST\nSubject: %TAG%\n\nx\n",
		'folded' => "From: a\@far.test\nTo: alice\@example.test,\n  bob\@example.test,\n\tcarol\@example.test\nSubject: %TAG%\n  and more\n\nx\n",
		'long To' => "From: a\@far.test\nTo: " . join(', ', map {"user$_\@far.test"} 1 .. 30) . "\nSubject: %TAG%\n\nx\n",
		'Return-Path' => "Return-Path: <x\@y.test>\n${h}\nx\n", 'Received-SPF' => "Received-SPF: pass\n${h}\nx\n", 'Authentication-Results' => "Authentication-Results: x; spf=pass\n${h}\nx\n",
		'Bcc' => "${h}Bcc: secret\@far.test\n\nx\n", 'Resent' => "Resent-From: r\nResent-To: alice\nResent-Date: Mon, 01 Jan 2001 00:00:00 +0000\n${h}\nx\n",
		'Delivered-To of another' => "Delivered-To: other\@example.test\n${h}\nx\n", 'loop' => "Delivered-To: alice-%TAG%\@example.test\n${h}\nx\n",
		'raw latin-1 header' => "From: a\@far.test\nTo: b\@far.test\nSubject: %TAG% caf\xe9\n\nx\n", 'raw utf-8 header' => "From: a\@far.test\nTo: b\@far.test\nSubject: %TAG% $utf8\nx\n",
		'undeclared 8bit' => "$h\n$latin", 'no colon' => "${h}what is this\n\nx\n", 'blank before colon' => "${h}X-Test : a\n\nx\n", 'MIME without boundary' => "${mime}Content-Type: multipart/mixed\n\nx\n",
		'bad encoding' => "${mime}Content-Type: text/plain\nContent-Transfer-Encoding: rot13\n\nx\n", 'bad content type' => "${mime}Content-Type: text\n\nx\n", 'no MIME-Version' => "${h}Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n$utf8",
		'8bit data, said 7bit' => "${mime}Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 7bit\n\n$utf8", 'encoded words' => "From: =?utf-8?q?caf=C3=A9?= <a\@far.test>\nTo: b\@far.test\nSubject: =?utf-8?q?caf=C3=A9?= %TAG%\n\nx\n",
		'two From' => "From: a\@far.test\nFrom: b\@far.test\nSubject: %TAG%\n\nx\n", 'broken address' => "From: a\@\nTo: <b\nSubject: %TAG%\n\nx\n", 'unquoted dot' => "From: John Q. Public <a\@far.test>\nTo: b\@far.test\nSubject: %TAG%\n\nx\n",
		'100 Received' => "Received: by x\n" x 100 . "${h}\nx\n", '101 Received' => "Received: by x\n" x 101 . "${h}\nx\n", 'too large' => "$h\n" . ('x' x 70 . "\n") x 2000,
		'header too large' => $h . ('X-Long: ' . 'y' x 900 . "\n") x 120 . "\nx\n", 'DKIM' => "DKIM-Signature: v=1; a=rsa-sha256; d=far.test\nFrom: <a\@far.test>\nTo: alice\nSubject: %TAG%\n\nx\n",
	);
	message("header: $_", $m{$_}) for sort keys %m;
	relay("header: $_", $m{$_}, 'plain') for grep {!/large|loop/} sort keys %m;
	message('no header, relay client', "\nx %TAG%\n", client => '127.0.0.2');
	message("recipient $_->[0]", "$h\nx\n", rcpt => [$_->[1]])
	    for ['alias to one', 'single@example.test'], ['list', 'team@example.test'], ['nested list', 'nested@example.test'], ['self', 'self@example.test'],
	    ['twice', 'twice@example.test'], ['hosted', 'carol@hosted.test'], ['other domain of hosted', 'carol@other.test'], ['hosted extension', 'carol-box@hosted.test'],
	    ['hosted catch-all', 'whoever@hosted.test'], ['wildcard', 'dan@x.wild.test'], ['virtual', 'any@virtual.test'], ['virtual discarded', 'special@virtual.test'], ['alias out', 'out@example.test'],
	    ['hosted alias', 'hostalias@hosted.test'], ['literal', 'alice@[127.0.0.1]'], ['root', 'root@example.test'];
	message("bob's $_", "$h\nx\n", rcpt => ["bob-$_\@example.test"], sender => 'alice-%TAG%@example.test')
	    for qw(void empty two fwd fwdamp fwdbang way-x way-out-a-b comment both list toself tonobody toboth bare missing signal stderr long out stop env env-a-b-c head preline say dyn dyn2 mbox a.b order join), map {"exit$_"} 0, 1, 64 .. 78, 99, 100, 112;
	message("report: $_->[0]", "$h\nx\n", rcpt => [$_->[1]], sender => 'alice-%TAG%@example.test', client => '127.0.0.2', %{$_->[2] || {}})
	    for ['refused there', 'x@nobody.test'], ['content refused', 'x@spam.test'], ['success here', 'bob-dsn@example.test', {rcpt_params => 'NOTIFY=SUCCESS'}],
	    ['success, no DSN there', 'x@bits.test', {rcpt_params => 'NOTIFY=SUCCESS'}], ['never', 'x@nobody.test', {rcpt_params => 'NOTIFY=NEVER'}],
	    ['headers only', 'x@nobody.test', {params => 'RET=HDRS ENVID=id+2B1'}], ['all of it', 'x@nobody.test', {params => 'RET=FULL'}],
	    ['ORCPT', 'x@nobody.test', {rcpt_params => 'ORCPT=rfc822;original@far.test'}], ['success of an alias', 'single@example.test', {rcpt_params => 'NOTIFY=SUCCESS'}],
	    ['success of a list', 'team@example.test', {rcpt_params => 'NOTIFY=SUCCESS'}], ['null sender', 'x@nobody.test', {sender => ''}];
	message('report: two hosts', "$h\nx\n", rcpt => ['x@nobody.test', 'y@spam.test', 'z@full.test'], sender => 'alice-%TAG%@example.test', client => '127.0.0.2');
	relay('envelope passed on', "$h\nx\n", 'full', params => 'RET=HDRS ENVID=abc', rcpt_params => 'NOTIFY=SUCCESS,DELAY ORCPT=rfc822;o@far.test');
	message('relayed: two at one host', "$h\nx\n", rcpt => ['x@full.test', 'y@full.test'], client => '127.0.0.2');
	message('relayed: upper case', "$h\nx\n", rcpt => ['Xy@FULL.test'], client => '127.0.0.2');
	message('relayed: quoted', "$h\nx\n", rcpt => ['"x y"@full.test'], client => '127.0.0.2');
	message('relayed: the same twice', "$h\nx\n", rcpt => ['x@full.test', 'x@FULL.test'], client => '127.0.0.2');
	message('here: the same twice', "$h\nx\n", rcpt => ['alice-%TAG%@example.test', 'alice-%TAG%@EXAMPLE.TEST', 'alice-%TAG%@mx.example.test'], client => '127.0.0.2');
	message('here: alias and member', "$h\nx\n", rcpt => ['team@example.test', 'alice@example.test']);
	message('here: percent', "$h\nx\n", rcpt => ['alice-%TAG%%mx.example.test@example.test']);
	message('UTF-8 header', "From: a\@far.test\nTo: b\@far.test\nSubject: %TAG% $utf8\nx\n", params => 'SMTPUTF8');
	message("UTF-8 header, relayed to $_", "From: a\@far.test\nTo: b\@far.test\nSubject: %TAG% $utf8\nx\n", params => 'SMTPUTF8', rcpt => ["x\@$_.test"], client => '127.0.0.2', sender => 'alice-%TAG%@example.test') for qw(full bits);
	message('UTF-8 sender, relayed to full', "$h\nx\n", params => 'SMTPUTF8', sender => "\xc3\xa9\@far.test", rcpt => ['x@full.test'], client => '127.0.0.2');
	relay("verp to $_", "$h\nx\n", $_, params => 'VERP', sender => 'list@example.test') for qw(full verp);
	message('verp here', "$h\nx\n", params => 'VERP', sender => 'list@example.test', client => '127.0.0.2');
}

sub submissions {
	my $s = "Subject: %TAG%\n";
	my %id = (MAILNAME => 'Full Name');
	sendmail('plain', "${s}\nhi\n", ['alice-%TAG%']);
	sendmail('-t', "To: alice-%TAG%\n${s}\nhi\n", ['-t']);
	sendmail('-f', "${s}\nhi\n", ['-f', 'me@far.test', 'alice-%TAG%@example.test']);
	sendmail('-fattached', "${s}\nhi\n", ['-fme@far.test', 'alice-%TAG%@example.test']);
	sendmail('-F', "${s}\nhi\n", ['-F', 'Full Name', 'alice-%TAG%@example.test']);
	sendmail('From given', "From: someone\@else.test\n${s}\nhi\n", ['alice-%TAG%']);
	sendmail('From and -F', "From: someone\@else.test\n${s}\nhi\n", ['-F', 'Other Name', 'alice-%TAG%']);
	sendmail('From and MAILUSER', "From: someone\@else.test\n${s}\nhi\n", ['alice-%TAG%'], {MAILUSER => 'newuser', MAILHOST => 'new.test', MAILNAME => 'New Name'});
	sendmail('no From, MAILUSER', "${s}\nhi\n", ['alice-%TAG%'], {MAILUSER => 'newuser', MAILHOST => 'new.test', MAILNAME => 'New Name'});
	sendmail('LOGNAME', "${s}\nhi\n", ['alice-%TAG%'], {LOGNAME => 'lname', USER => 'uname'});
	sendmail('MAILSUSER', "${s}\nhi\n", ['alice-%TAG%'], {MAILSUSER => 'suser', MAILSHOST => 'shost.test'});
	sendmail('Bcc', "To: alice-%TAG%\nBcc: bob-%TAG%\n${s}\nhi\n", []);
	sendmail('-bcc', "To: alice-%TAG%\nBcc: bob-%TAG%\n${s}\nhi\n", ['-bcc']);
	sendmail('Bcc with recipients', "To: alice-%TAG%\nBcc: bob-%TAG%\n${s}\nhi\n", ['alice-%TAG%']);
	sendmail('nobody', "${s}\nhi\n", []);
	sendmail('unknown option', "${s}\nhi\n", ['-Zfoo', 'alice-%TAG%']);
	sendmail('ignored options', "${s}\nhi\n", ['-oi', '-oem', '-i', '-m', '-q1h', 'alice-%TAG%']);
	sendmail('--', "${s}\nhi\n", ['--', 'alice-%TAG%']);
	sendmail('-n', "${s}\nhi\n", ['-n', 'alice-%TAG%']);
	sendmail('CRLF', "Subject: %TAG%\r\n\r\nhi\r\n", ['alice-%TAG%']);
	sendmail('no header', "just text %TAG%\n", ['alice-%TAG%']);
	sendmail('8-bit body', "${s}\n$utf8", ['alice-%TAG%']);
	sendmail('8-bit header', "Subject: %TAG% $utf8\nhi\n", ['alice-%TAG%']);
	sendmail('unknown user', "${s}\nhi\n", ['-f', 'alice-%TAG%@example.test', 'nobody-at-all']);
	sendmail('VERP', "${s}\nhi\n", ['-verp', '-f', 'list@example.test', 'alice-%TAG%']);
	sendmail('-N never', "${s}\nhi\n", ['-N', 'never', '-f', 'alice-%TAG%@example.test', 'x@nobody.test']);
	sendmail('-N success', "${s}\nhi\n", ['-Nsuccess', '-f', 'alice-%TAG%@example.test', 'bob-%TAG%']);
	sendmail('-R -V', "${s}\nhi\n", ['-R', 'hdrs', '-V', 'env-id', '-f', 'alice-%TAG%@example.test', 'x@nobody.test']);
	sendmail("relayed to $_", "${s}\n$utf8", ['x-%TAG%@' . "$_.test"]) for qw(full plain helo);
	sendmail('bare To', "To: alice, Bob <bob>\n${s}\nhi\n", ['alice-%TAG%']);
	sendmail('dot line', "${s}\nhi\n.\nmore\n", ['alice-%TAG%']);
	sendmail('rejected address', "${s}\nhi\n", ['a@b@c']);
	sendmail('-bs', join("\r\n", 'EHLO x', 'MAIL FROM:<me@far.test>', 'RCPT TO:<alice-%TAG%@example.test>', 'DATA', 'Subject: %TAG%', '', 'hi', '.', 'QUIT', ''), ['-bs']);
	sendmail('-t and recipients', "To: alice-%TAG%\n${s}\nhi\n", ['-t', 'bob-%TAG%']);
	sendmail('-r', "${s}\nhi\n", ['-r', 'me@far.test', 'alice-%TAG%']);
	sendmail('-B', "${s}\nhi\n", ['-B', '8BITMIME', 'alice-%TAG%']);
	sendmail('-o options', "${s}\nhi\n", ['-odb', '-oeq', '-om', '-v', 'alice-%TAG%']);
	sendmail('-f empty', "${s}\nhi\n", ['-f', '', 'alice-%TAG%']);
	sendmail('-f <>', "${s}\nhi\n", ['-f', '<>', 'alice-%TAG%']);
	sendmail('-f bare', "${s}\nhi\n", ['-f', 'me', 'alice-%TAG%']);
	sendmail('brackets', "${s}\nhi\n", ['<alice-%TAG%@example.test>']);
	sendmail('two in one', "${s}\nhi\n", ['alice-%TAG%, bob-%TAG%']);
	sendmail('alias', "${s}\nhi\n", ['team']);
	sendmail('-t group', "To: people: alice-%TAG%, bob-%TAG%;\n${s}\nhi\n", ['-t']);
	sendmail('-t with a name', "To: Alice <alice-%TAG%\@example.test>, \"Bob, B.\" <bob-%TAG%>\n${s}\nhi\n", ['-t']);
	sendmail('-t Resent', "To: alice-%TAG%\nResent-To: bob-%TAG%\n${s}\nhi\n", ['-t']);
	sendmail('Return-Path', "Return-Path: <x\@y.test>\n${s}\nhi\n", ['alice-%TAG%']);
	sendmail('From line', "From me Mon Jan  1 00:00:00 2001\n${s}\nhi\n", ['alice-%TAG%']);
	sendmail('empty', '', ['alice-%TAG%']);
	sendmail('-F with quotes', "${s}\nhi\n", ['-F', 'A "quoted" (name), B.', 'alice-%TAG%']);
	sendmail('-F in UTF-8', "${s}\nhi\n", ['-F', "Ren\xc3\xa9", 'alice-%TAG%']);
	sendmail('dot, without -i', "${s}\nhi\n.\n", ['alice-%TAG%']);
	sendmail('bang path', "${s}\nhi\n", ['nosuch!x-%TAG%']);
	sendmail('own bang path', "${s}\nhi\n", ['mx.example.test!alice-%TAG%']);
	sendmail('percent', "${s}\nhi\n", ['alice-%TAG%%example.test@mx.example.test']);
	conversations();
	command('makealiases', '-dump');
	command('aliaslookup', $_) for qw(team single nested self out far twice quoted continued alice nobody any@virtual.test hostalias@hosted.test TEAM postmaster root team@example.test);
	command('mailq', @$_) for [], ['-batch'], ['-sort'], ['-nonsense'];
	command('cancelmsg', @$_) for [], ['0000000000000000.0000000000000000.00000000'];
	command('newaliases');
	command('makealiases', '-chk');
	command('makehosteddomains');
	command('makeacceptmailfor');
	command('courier', @$_) for ['show', 'all'], ['clear', 'x@y.test'], ['flush', 'nosuch'], ['clear', 'all'], ['flush'];
	command('submit', @$_) for ['-vrfy=alice', 'local', 'dns; x'], ['-vrfy=nobody', 'local', 'dns; x'], ['-expn=team', 'local', 'dns; x'], ['-expn=alice', 'local', 'dns; x'], ['nosuch', 'dns; x'];
}

sub conversations {
	my @local = ('local', 'dns; localhost (localhost [127.0.0.1])');
	my @esmtp = ('esmtp', 'dns; client.test (client.test [127.0.0.1])');
	my $text = "Subject: %TAG%\nFrom: a\@far.test\nTo: b\@far.test\n\nhi\n";
	conversation('one recipient', "a\@far.test\nalice-%TAG%\@example.test\n\n$text", @local);
	conversation('bare names', "alice\nbob-%TAG%\n\n$text", @local);
	conversation('two, one refused', "a\@far.test\nnobody\@example.test\nalice-%TAG%\@example.test\n\n$text", @esmtp);
	conversation('null sender', "\nalice-%TAG%\@example.test\n\n$text", @local);
	conversation('from the header', "a\@far.test\n\nTo: alice-%TAG%\nCc: bob-%TAG%\nSubject: %TAG%\n\nhi\n", @local);
	conversation('from Bcc alone', "a\@far.test\n\nBcc: bob-%TAG%\n$text", '-bcc', @local);
	conversation('no recipients', "a\@far.test\n\nSubject: %TAG%\n\nhi\n", @local);
	conversation('success wanted', "alice-%TAG%\@example.test\tF\tenv%TAG%\nbob-%TAG%\@example.test\tS\trfc822;first\@far.test\n\n$text", @local);
	conversation('original recipient', "alice-%TAG%\@example.test\tF\tenv%TAG%\nbob-%TAG%\@example.test\tS\tfirst\@far.test\n\n$text", @local);
	conversation('relaying', "a\@far.test\nx-%TAG%\@full.test\n\n$text", @esmtp);
	conversation('relayed', "a\@far.test\nx-%TAG%\@full.test\n\n$text", @local);
	conversation('bang path', "far!a\nalice-%TAG%\@example.test\n\n$text", 'uucp', 'uucp; far');
	conversation('dsn', "\nalice-%TAG%\@example.test\n\n$text", 'dsn', 'dns; localhost (localhost [127.0.0.1])');
}

sub all {
	if (!@cases) {
		dialogs();
		messages();
		submissions();
		push @cases, Differ::Edge::cases();
		my $n = 0;
		$_->{tag} = sprintf 'tag%03dx', ++$n for @cases;
	}
	return @cases;
}

1;
