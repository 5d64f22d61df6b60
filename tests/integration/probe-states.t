#!/usr/bin/perl
# What a client may say when (RFC 5321, 4.1.4): every command in every state, exchanges of AUTH that are
# broken off anywhere (RFC 4954), pipelining (RFC 2920), texts (RFC 5321, 4.5), and the tricks of those
# who want to relay.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Courier::Test;
use Courier::Probe;
use MIME::Base64;

my $t = Courier::Test->new(
	config => {
		esmtpd => {TARPIT => 0, MAXPERIP => 1000, MAXPERC => 1000, BOFHCHECKDNS => 0, ESMTPAUTH_TLS => 'PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256'},
		authdaemonrc => {AUTH_FAIL_DELAY => 0},
	},
	files => {'smtpaccess/default' => ''},
);
$t->start;
my $p = Courier::Probe->new($t);
my @ehlo = ('EHLO c.test' => 250);
my @mail = (@ehlo, 'MAIL FROM:<a@c.test>' => 250);
my @rcpt = (@mail, 'RCPT TO:<alice@example.test>' => 250);
my @data = (@rcpt, 'DATA' => 354);

# ---- every command in every state
my %state = (
	'connected' => [],
	'after HELO' => ['HELO c.test' => 250],
	'after EHLO' => \@ehlo,
	'after MAIL' => \@mail,
	'after a refused RCPT' => [@mail, 'RCPT TO:<nobody-here@example.test>' => 550],
	'after RCPT' => \@rcpt,
	'after RSET' => [@rcpt, 'RSET' => 250],
	'after a message' => [@data, "Subject: states\r\n\r\n." => 250],
	'after a refused message' => [@data, \"Subject: states\r\n\r\na\nb\r\n.\r\n" => 554],
);
my %fresh = map {$_ => 1} 'after HELO', 'after EHLO', 'after RSET', 'after a message', 'after a refused message';
for my $in (sort keys %state) {
	my $hello = $in ne 'connected';
	my $mail = !$fresh{$in} && $hello;
	my %want = (
		'HELO again.test' => '250',
		'EHLO again.test' => '250',
		'MAIL FROM:<b@c.test>' => $fresh{$in} ? '250 ' : '503 5.5.1',
		'RCPT TO:<bob@example.test>' => $mail ? '250 ' : '503 5.5.1',
		'DATA' => $in eq 'after RCPT' ? '354' : $in eq 'after a refused RCPT' ? qr/^55[04] 5\.5\.1|^503 5\.5\.1/ : '503 5.5.1',
		'RSET' => '250',
		'NOOP' => '250',
		'QUIT' => '221',
		'HELP' => qr/^(?:214|50[02]) /,
		'XYZZY' => '500',
	);
	for my $command (sort keys %want) {
		my $want = $want{$command};
		$want = '503' if !$hello && !ref $want && $want =~ /^5.. /;
		$p->probe("$in: $command", @{$state{$in}}, $command => $want);
	}
}
$p->probe('EHLO forgets the message at hand', @rcpt, 'EHLO c.test' => 250, 'DATA' => '503 5.5.1');
$p->probe('HELO forgets it too', @rcpt, 'HELO c.test' => 250, 'DATA' => 503);
$p->probe('a refused second MAIL leaves the first', @rcpt, 'MAIL FROM:<b@c.test>' => 503, 'DATA' => 354);
$p->probe('a faulty RCPT leaves the others', @rcpt, 'RCPT TO:<>' => qr/^5/, 'DATA' => 354);
$p->probe('an unknown command leaves all', @rcpt, 'XYZZY' => 500, 'DATA' => 354);
$p->probe('a faulty EHLO leaves all', @rcpt, 'EHLO' => 501, 'DATA' => 354);
$p->probe('nothing follows QUIT', @ehlo, 'QUIT' => '221 2.0.0', 'NOOP' => undef);
$p->probe('what is pipelined behind QUIT is not done', @ehlo, \"QUIT\r\nNOOP\r\n" => '221 2.0.0', 'NOOP' => undef);

# ---- pipelining
sub pipelined {
	my ($name, $text, @codes) = @_;
	my ($s) = $p->begin;
	$t->smtp($s, 'EHLO c.test');
	print $s $text;
	my @got = map {my $r = $t->smtp_reply($s); substr $r, 0, 3} @codes;
	return is "@got", "@codes", "pipelined: $name";
}
pipelined('a refused sender', "MAIL FROM:<>x\r\nRCPT TO:<alice\@example.test>\r\nDATA\r\n", 501, 503, 503);
pipelined('all recipients refused: no text is wanted', "MAIL FROM:<>\r\nRCPT TO:<nobody-here\@example.test>\r\nDATA\r\nNOOP\r\n", 250, 550, 554, 250);
pipelined('some refused', "MAIL FROM:<>\r\nRCPT TO:<nobody-here\@example.test>\r\nRCPT TO:<bob\@example.test>\r\nDATA\r\n.\r\n", 250, 550, 250, 354, 250);
pipelined('two messages', "MAIL FROM:<>\r\nRCPT TO:<bob\@example.test>\r\nDATA\r\n.\r\nMAIL FROM:<>\r\nRCPT TO:<bob\@example.test>\r\nDATA\r\n.\r\n", (250, 250, 354, 250) x 2);
pipelined('RSET between', "MAIL FROM:<>\r\nRSET\r\nMAIL FROM:<>\r\nRCPT TO:<bob\@example.test>\r\nRSET\r\nDATA\r\n", 250, 250, 250, 250, 250, 503);
pipelined('90 commands', "NOOP\r\n" x 45 . "RSET\r\n" x 45, (250) x 90);
pipelined('behind STARTTLS nothing is taken', "STARTTLS\r\nNOOP\r\n", 554, '');

# ---- AUTH, broken anywhere
my $tls = Courier::Probe->new($t, service => 'submission', tls => 1);
sub b64 { return encode_base64($_[0], '') }
my $good = b64("\0alice\@example.test\0$Courier::Test::PASSWORD");
my @auth = ('AUTH PLAIN' => '334');
my @login = ('AUTH LOGIN' => '334 VXNlcm5hbWU6');
$tls->probe("AUTH: $_->[0]", @ehlo, @{$_}[1 .. $#$_]) for (
	['PLAIN at once', "AUTH PLAIN $good" => '235 2.7.0'],
	['PLAIN in two steps', @auth, $good => '235 2.7.0'],
	['in small letters', "auth plain $good" => '235 2.7.0'],
	['LOGIN', @login, b64('alice@example.test') => '334 UGFzc3dvcmQ6', b64($Courier::Test::PASSWORD) => '235 2.7.0'],
	['LOGIN with the name at once', 'AUTH LOGIN ' . b64('alice@example.test') => '334 UGFzc3dvcmQ6', b64($Courier::Test::PASSWORD) => '235'],
	['a wrong password', 'AUTH PLAIN ' . b64("\0alice\@example.test\0wrong") => '535 5.7.8'],
	['a name nobody has: the same words', 'AUTH PLAIN ' . b64("\0nobody\@example.test\0wrong") => '535 5.7.8'],
	['an empty password', 'AUTH PLAIN ' . b64("\0alice\@example.test\0") => qr/^5(?:35|01) /],
	['an empty name', 'AUTH PLAIN ' . b64("\0\0x") => qr/^5(?:35|01) /],
	['one NUL only', 'AUTH PLAIN ' . b64("alice\0x") => qr/^5(?:35|01) /],
	['three NULs', 'AUTH PLAIN ' . b64("\0alice\@example.test\0x\0y") => qr/^5(?:35|01) /],
	['another as whom', 'AUTH PLAIN ' . b64("bob\@example.test\0alice\@example.test\0$Courier::Test::PASSWORD") => '535'],
	['itself as whom', 'AUTH PLAIN ' . b64("alice\@example.test\0alice\@example.test\0$Courier::Test::PASSWORD") => qr/^(?:235|535) /],
	['"=" is an empty answer', 'AUTH PLAIN =' => qr/^5(?:35|01) /],
	['no base64', 'AUTH PLAIN !!!!' => '501 5.5.2'],
	['base64 of a wrong length', 'AUTH PLAIN abc' => '501 5.5.2'],
	['base64 with a blank', "AUTH PLAIN $good x" => '501'],
	['base64 that goes on behind its end', "AUTH PLAIN ${good}====" => '501'],
	['no base64 as the answer', @auth, '*()' => '501 5.5.2', "AUTH PLAIN $good" => 235],
	['taken back', @auth, '*' => '501 5.', "AUTH PLAIN $good" => 235],
	['LOGIN taken back at the name', @login, '*' => '501', 'NOOP' => 250],
	['LOGIN taken back at the password', @login, b64('alice@example.test') => 334, '*' => '501', "AUTH PLAIN $good" => 235],
	['SCRAM taken back', 'AUTH SCRAM-SHA-256 ' . b64('n,,n=alice,r=abcdef') => qr/^(?:334|535) /, '*' => qr/^50[01] /, "AUTH PLAIN $good" => 235],
	['SCRAM, nonsense', 'AUTH SCRAM-SHA-256 ' . b64('nonsense') => qr/^5(?:01|35) /, "AUTH PLAIN $good" => 235],
	['SCRAM, a nonce with commas', 'AUTH SCRAM-SHA-256 ' . b64('n,,n=alice,r=,,,') => qr/^(?:334|5..) /],
	['SCRAM, an extension that must be known', 'AUTH SCRAM-SHA-256 ' . b64('n,,m=x,n=alice,r=abc') => qr/^5/],
	['CRAM taken back', 'AUTH CRAM-MD5' => 334, '*' => 501, "AUTH PLAIN $good" => 235],
	['CRAM with an answer it does not take', "AUTH CRAM-MD5 $good" => qr/^5/],
	['CRAM, nonsense', 'AUTH CRAM-MD5' => 334, b64('nonsense') => qr/^5(?:35|01) /],
	['an empty line as the answer', @auth, '' => qr/^5(?:35|01) /, "AUTH PLAIN $good" => 235],
	['a command as the answer is no command', @auth, 'MAIL FROM:<a@c.test>' => 501, 'NOOP' => 250],
	['an answer of 20,000 bytes', @auth, 'A' x 20000 => qr/^50[01] /, "AUTH PLAIN $good" => 235],
	['a name of 5,000 bytes', 'AUTH PLAIN ' . b64("\0" . 'a' x 5000 . "\0x") => qr/^5/],
	['NUL in the answer', @auth, \"AA\0AA\r\n" => qr/^5/, 'NOOP' => 250],
	['unknown mechanism', 'AUTH XYZZY' => qr/^50[14] 5\.5\.4/],
	['a mechanism of strange letters', 'AUTH PL@IN' => qr/^50[14] 5\.5\.4/],
	['no mechanism', 'AUTH' => '501 5.5.4'],
	['twice', "AUTH PLAIN $good" => 235, "AUTH PLAIN $good" => '503 5.5.1'],
	['within a message', "AUTH PLAIN $good" => 235, 'MAIL FROM:<alice@example.test>' => 250, "AUTH PLAIN $good" => '503 5.5.1'],
	['before it nothing goes out', 'MAIL FROM:<alice@example.test>' => '530 5.7.0'],
	['RSET does not end a login', "AUTH PLAIN $good" => 235, 'RSET' => 250, 'MAIL FROM:<alice@example.test>' => 250],
	['EHLO does not end a login', "AUTH PLAIN $good" => 235, 'EHLO c.test' => 250, 'MAIL FROM:<alice@example.test>' => 250],
	['STARTTLS does not come twice', 'STARTTLS' => qr/^50[23] /],
);
$tls->probe('AUTH before EHLO', "AUTH PLAIN $good" => 503);
$tls->probe('AUTH: MAIL names who sends', @ehlo, "AUTH PLAIN $good" => 235, 'MAIL FROM:<alice@example.test> AUTH=alice@example.test' => 250);
$tls->probe('AUTH: MAIL names nobody', @ehlo, "AUTH PLAIN $good" => 235, 'MAIL FROM:<alice@example.test> AUTH=<>' => 250);
$tls->probe('AUTH: MAIL with a faulty name', @ehlo, "AUTH PLAIN $good" => 235, 'MAIL FROM:<alice@example.test> AUTH=a+4' => '501 5.5.4');

# ---- texts
$p->probe("text: $_->[0]", @data, $_->[1] => $_->[2]) for (
	['nothing', '.' => 250],
	['a text where a header should be', "just a text\r\n." => '550 5.6.0'],
	['a header without a text', "Subject: x\r\n." => 250],
	['a dot alone, stuffed', "Subject: x\r\n\r\n..\r\n." => 250],
	['a dot first, not stuffed', "Subject: x\r\n\r\n.x\r\n." => 250],
	['a line of 998', "Subject: x\r\n\r\n" . 'x' x 998 . "\r\n." => 250],
	['NUL', "Subject: x\r\n\r\na\0b\r\n." => '550 5.6.0'],
	['LF alone', \"Subject: x\r\n\r\na\nb\r\n.\r\n" => '554 5.5.2'],
	['CR alone', \"Subject: x\r\n\r\na\rb\r\n.\r\n" => '554 5.5.2'],
	['100 hosts on the way', join('', map {"Received: from a by b$_\r\n"} 1 .. 100) . "\r\n." => 250],
	['101 hosts on the way', join('', map {"Received: from a by b$_\r\n"} 1 .. 101) . "\r\n." => '546'],
	['8 bit in the header', "Subject: \xfc\r\n\r\n." => qr/^5/],
	['commands within', "Subject: x\r\n\r\nQUIT\r\nRSET\r\n." => 250],
);

# ---- relaying for strangers
$p->probe("relay: $_->[0]", @mail, "RCPT TO:$_->[1]" => $_->[2] || qr/^5\d\d 5\./) for (
	['plain', '<v@elsewhere.example>' => '513 5.7'],
	['quoted', '<"v@elsewhere.example">'],
	['quoted, with our domain', '<"v@elsewhere.example"@example.test>'],
	['percent', '<v%elsewhere.example@example.test>'],
	['percent, quoted', '<"v%elsewhere.example"@example.test>'],
	['percent, no domain', '<v%elsewhere.example>'],
	['percent at our address', '<v%elsewhere.example@[127.0.0.1]>'],
	['bang', '<elsewhere.example!v@example.test>'],
	['bang, no domain', '<elsewhere.example!v>'],
	['a route through us', '<@example.test:v@elsewhere.example>'],
	['a route, two hosts', '<@example.test,@x.example:v@elsewhere.example>'],
	['two at-signs', '<v@elsewhere.example@example.test>'],
	['at-sign behind', '<v@example.test@elsewhere.example>'],
	['an address as the domain', '<v@[192.0.2.1]>'],
	['their address, ours quoted', '<"alice@example.test"@elsewhere.example>'],
	['a dot behind the domain', '<v@elsewhere.example.>'],
	['a name below ours', '<v@sub.example.test>'],
	['a name that ends like ours', '<v@notexample.test>'],
	['ours with more behind', '<v@example.test.elsewhere.example>'],
	['ours, a NUL, and theirs', "<v\@elsewhere.example\0\@example.test>"],
	['line ends encoded', '<v%0d%0a@example.test>'],
	['a program', '<"|/bin/true"@example.test>'],
	['a program, no domain', '<|/bin/true>'],
	['a file', '</etc/passwd@example.test>'],
	['a way out', '<../../etc/passwd@example.test>'],
	['a private alias', '<.xalias/x@example.test>'],
	['a way to somewhere', '<alice@example.test> RELAY=1' => '555'],
);
$p->probe('relay: a sender of ours opens nothing', @ehlo, 'MAIL FROM:<alice@example.test>' => 250, 'RCPT TO:<v@elsewhere.example>' => '513 5.7');
$p->probe('relay: a name of ours in HELO opens nothing', 'EHLO example.test' => 250, 'MAIL FROM:<a@c.test>' => 250, 'RCPT TO:<v@elsewhere.example>' => '513 5.7');
$p->probe('relay: AUTH= opens nothing', @ehlo, 'MAIL FROM:<a@c.test> AUTH=alice@example.test' => qr/^(?:250|555) /, 'RSET' => 250);
ok $t->wait_empty_queue, 'nothing is left in the queue';
is scalar(grep {/elsewhere/} $t->log_lines(qr/status: /)), 0, 'and nothing went elsewhere';

done_testing;
