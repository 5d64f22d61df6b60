#!/usr/bin/perl
# What a client may say, letter by letter (RFC 5321, section 4; RFC 1870, 3461, 6152, 6531): commands,
# paths, parameters.  One line of the tables is one assertion, on a connection of its own.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Courier::Test;
use Courier::Probe;

my $t = Courier::Test->new(config => {esmtpd => {TARPIT => 0, MAXPERIP => 1000, MAXPERC => 1000, BOFHCHECKDNS => 0}},
	files => {'smtpaccess/default' => ''});
$t->start;
my $p = Courier::Probe->new($t);
my @ehlo = ('EHLO c.test' => 250);
my @mail = (@ehlo, 'MAIL FROM:<a@c.test>' => '250 2.1.0');

# ---- the first word
$p->probe("verb: $_->[0]", @{$_}[1 .. $#$_]) for (
	['in small letters', 'ehlo c.test' => 250, 'mail from:<a@c.test>' => 250, 'rcpt to:<alice@example.test>' => 250],
	['in mixed letters', 'eHlO c.test' => 250, 'MaIl FrOm:<a@c.test>' => 250],
	['a blank at the end', 'EHLO c.test ' => 250, 'RSET ' => '250 2.0.0', 'NOOP ' => '250 2.0.0'],
	['two blanks behind it', 'EHLO  c.test' => 250],
	['an empty line', @ehlo, '' => 500],
	['blanks alone', @ehlo, '   ' => 500],
	['a blank before it', @ehlo, ' NOOP' => 500],
	['unknown', @ehlo, 'XYZZY' => '500 5.5.1'],
	['a known one with more letters', @ehlo, 'NOOPS' => '500 5.5.1'],
	['a known one with less', @ehlo, 'NOO' => '500 5.5.1'],
	['8 bit', @ehlo, "N\xd6\xd6P" => 500],
	['with NUL', @ehlo, "NOOP\0" => 500],
	['NUL in its argument', @ehlo, "NOOP a\0b" => 500],
	['with a control character', @ehlo, "NOOP \x07" => 500],
	['escape sequences are not echoed', @ehlo, "\e[2J" => 500],
	['NOOP takes a word', @ehlo, 'NOOP ping' => 250],
	['RSET takes none', @ehlo, 'RSET now' => '501 5.5.4'],
	['DATA takes none', @mail, 'RCPT TO:<alice@example.test>' => 250, 'DATA now' => '501 5.5.4'],
	['QUIT is for ever, whatever stands behind it', @ehlo, 'QUIT now' => qr/^(?:221|501) /],
	['STARTTLS takes none', @ehlo, 'STARTTLS now' => '501 5.5.4'],
	['HELP answers', @ehlo, 'HELP' => qr/^(?:21[14]|50[02]) /],
	['a request of the Web', 'GET / HTTP/1.1' => qr/^(?:5|421)/],
	['a POST of the Web', 'POST / HTTP/1.0' => qr/^(?:5|421)/],
);

# ---- names in HELO and EHLO
$p->probe("name: $_->[0]", $_->[1] => $_->[2]) for (
	['a domain', 'EHLO client.example' => 250],
	['an address', 'EHLO [192.0.2.1]' => 250],
	['an address of IPv6', 'EHLO [IPv6:2001:db8::1]' => 250],
	['one label', 'EHLO localhost' => 250],
	['an underscore', 'EHLO my_pc.example' => 250],
	['of UTF-8', "EHLO b\xc3\xbccher.example" => 250],
	['none', 'EHLO' => 501],
	['none, old', 'HELO' => 501],
	['two', 'EHLO a.test b.test' => 501],
	['angle brackets', 'EHLO <c.test>' => 501],
	['at-sign', 'EHLO a@c.test' => 501],
	['too long', 'EHLO ' . 'a' x 300 => 501],
	['longest', 'EHLO ' . join('.', ('a' x 63) x 3, 'a' x 61) => 250],
	['quoted', 'EHLO "c.test"' => 501],
	['slash', 'EHLO a/b' => 501],
);
$p->probe('HELO says one line', 'HELO c.test' => qr/\A250 [^\n]*\n\z/);
$p->probe('HELO offers nothing: no parameters', 'HELO c.test' => 250, 'MAIL FROM:<a@c.test> SIZE=10' => '555');
$p->probe('replies to HELO carry no enhanced code', 'HELO c.test' => qr/\A250 (?!2\.)/);
$p->probe('EHLO: the first line names us, keywords stand alone', 'EHLO c.test' => qr/\A250-\S+[^\n]*\n(?:250[- ][A-Z0-9][A-Z0-9-]*(?:[ =][\x21-\x7e ]*)?\r\n)+\z/);

# ---- reverse paths
my $l64 = 'a' x 64;
my $d = join('.', ('d' x 60) x 3, 'test');
$p->probe("sender: $_->[0]", @ehlo, "MAIL FROM:$_->[1]" => $_->[2]) for (
	['an address', '<a@c.test>' => '250 2.1.0'],
	['nobody', '<>' => '250 2.1.0'],
	['a blank behind the colon', ' <a@c.test>' => 250],
	['no brackets', 'a@c.test' => 501],
	['one bracket', '<a@c.test' => 501],
	['the other', 'a@c.test>' => 501],
	['two', '<<a@c.test>>' => 501],
	['nothing', '' => 501],
	['words behind it', '<a@c.test>x' => 501],
	['a name before it', 'A <a@c.test>' => 501],
	['no domain', '<a@>' => 501],
	['no local part', '<@c.test>' => 501],
	['two at-signs', '<a@b@c.test>' => 501],
	['a dot first', '<.a@c.test>' => 501],
	['a dot last', '<a.@c.test>' => 501],
	['two dots', '<a..b@c.test>' => 501],
	['dots between', '<a.b.c@c.test>' => 250],
	['a dot behind the domain', '<a@c.test.>' => qr/^(?:250|501) /],
	['an empty label', '<a@c..test>' => 501],
	['a label with a dash first', '<a@-c.test>' => 501],
	['a label of 64', '<a@' . 'd' x 64 . '.test>' => 501],
	['a label of 63', '<a@' . 'd' x 63 . '.test>' => 250],
	['quoted', '<"a b"@c.test>' => 250],
	['quoted, empty', '<""@c.test>' => qr/^(?:250|501) /],
	['quoted, an at-sign in it', '<"a@b"@c.test>' => 250],
	['quoted, a quoted pair', '<"a\\"b"@c.test>' => 250],
	['quoted, not closed', '<"a@c.test>' => 501],
	['quoted in part', '<a."b c"@c.test>' => qr/^(?:250|501) /],
	['a blank unquoted', '<a b@c.test>' => 501],
	['all characters of an atom', "<a!#\$%&'*+-/=?^_`{|}~\@c.test>" => 250],
	['brackets inside', '<a[b]@c.test>' => 501],
	['a comment', '<a(hello)@c.test>' => 501],
	['a backslash', '<a\\b@c.test>' => 501],
	['an address of IPv4', '<a@[192.0.2.1]>' => 250],
	['an address of IPv6', '<a@[IPv6:2001:db8::1]>' => 250],
	['IPv6 without its tag', '<a@[2001:db8::1]>' => 501],
	['an address that is none', '<a@[300.1.1.1]>' => 501],
	['three numbers', '<a@[192.0.2]>' => 501],
	['an address not closed', '<a@[192.0.2.1>' => 501],
	['IPv6 with two gaps', '<a@[IPv6:1::2::3]>' => 501],
	['a source route', '<@x.test,@y.test:a@c.test>' => qr/^(?:250|5)/],
	['longest local part', "<$l64\@c.test>" => 250],
	['a local part beyond what anybody uses', '<' . 'a' x 600 . '@c.test>' => 501],
	['a long domain', "<a\@$d>" => 250],
	['a domain of 256', '<a@' . join('.', ('d' x 60) x 4, 'd' x 10, 'test') . '>' => 501],
	['a path of 20,000 bytes', '<' . 'a' x 20000 . '@c.test>' => 500],
	['8 bit without SMTPUTF8', "<\xc3\xbc\@c.test>" => qr/^5(?:50|53|01|00) /],
	['a domain of UTF-8 without SMTPUTF8', "<a\@b\xc3\xbccher.test>" => qr/^5(?:50|53|01|00) /],
	['8 bit with SMTPUTF8', "<\xc3\xbc\@c.test> SMTPUTF8" => 250],
	['a domain of UTF-8', "<a\@b\xc3\xbccher.test> SMTPUTF8" => 250],
	['what is not UTF-8', "<\xfc\@c.test> SMTPUTF8" => qr/^5/],
	['overlong UTF-8', "<\xc0\xaf\@c.test> SMTPUTF8" => qr/^5/],
	['surrogates', "<\xed\xa0\x80\@c.test> SMTPUTF8" => qr/^5/],
	['NUL', "<a\0b\@c.test>" => qr/^50[01] /],
	['a tab', "<a\tb\@c.test>" => qr/^50[01] /],
);

# ---- parameters of MAIL
$p->probe("MAIL parameter: $_->[0]", @ehlo, "MAIL FROM:<a\@c.test>$_->[1]" => $_->[2]) for (
	['SIZE', ' SIZE=1000' => 250],
	['SIZE in small letters', ' size=1000' => 250],
	['SIZE of nothing', ' SIZE=0' => 250],
	['SIZE without a value', ' SIZE=' => '501 5.5.4'],
	['SIZE without "="', ' SIZE' => '501 5.5.4'],
	['SIZE of no number', ' SIZE=abc' => '501 5.5.4'],
	['SIZE, negative', ' SIZE=-1' => '501 5.5.4'],
	['SIZE of 21 digits', ' SIZE=100000000000000000000' => '501 5.5.4'],
	['SIZE beyond 64 bits', ' SIZE=99999999999999999999' => qr/^5(?:01|52) /],
	['SIZE twice', ' SIZE=1 SIZE=2' => '501 5.5.4'],
	['BODY=7BIT', ' BODY=7BIT' => 250],
	['BODY=8BITMIME', ' BODY=8BITMIME' => 250],
	['BODY in small letters', ' body=8bitmime' => 250],
	['BODY of something else', ' BODY=9BIT' => '501 5.5.4'],
	['BODY without a value', ' BODY' => '501 5.5.4'],
	['RET=FULL', ' RET=FULL' => 250],
	['RET=HDRS', ' RET=HDRS' => 250],
	['RET of something else', ' RET=SOME' => '501 5.5.4'],
	['ENVID', ' ENVID=QQ314159' => 250],
	['ENVID with an encoded byte', ' ENVID=a+2Bb' => 250],
	['ENVID with a faulty code', ' ENVID=a+2' => '501 5.5.4'],
	['ENVID with a code in small letters', ' ENVID=a+2bb' => qr/^(?:250|501) /],
	['ENVID with a line end in it', ' ENVID=a+0D+0Ab' => '501 5.5.4'],
	['ENVID of 101', ' ENVID=' . 'a' x 101 => '501 5.5.4'],
	['ENVID of 100', ' ENVID=' . 'a' x 100 => 250],
	['ENVID of nothing', ' ENVID=' => '501 5.5.4'],
	['unknown', ' FOO=1' => '555 5.5.4'],
	['one of RCPT', ' NOTIFY=NEVER' => '555 5.5.4'],
	['all at once', ' SIZE=5 BODY=8BITMIME RET=HDRS ENVID=x SMTPUTF8' => 250],
	['many blanks between', '   SIZE=5   RET=HDRS' => 250],
	['SMTPUTF8 with a value', ' SMTPUTF8=1' => '501 5.5.4'],
	['twenty of them', join('', map {" X$_=1"} 1 .. 20) => '555 5.5.4'],
	['no blank before it', 'SIZE=5' => 501],
);

# ---- forward paths and parameters of RCPT
$p->probe("recipient: $_->[0]", @mail, "RCPT TO:$_->[1]" => $_->[2]) for (
	['an address', '<alice@example.test>' => '250 2.1.5'],
	['its domain in capitals', '<alice@EXAMPLE.TEST>' => 250],
	['another mailbox in capitals: letters count (locallowercase)', '<ALICE@example.test>' => '550 5.1.1'],
	['a blank behind the colon', ' <alice@example.test>' => 250],
	['quoted without need', '<"alice"@example.test>' => 250],
	['postmaster alone', '<postmaster>' => 250],
	['postmaster alone, in capitals', '<PostMaster>' => 250],
	['postmaster of the domain', '<postmaster@example.test>' => 250],
	['another without a domain', '<alice>' => '513 5.'],
	['nobody', '<>' => qr/^5\d\d 5\.1\.3/],
	['no brackets', 'alice@example.test' => 501],
	['nothing', '' => 501],
	['unknown here', '<nobody-here@example.test>' => '550 5.1.1'],
	['NOTIFY=NEVER', '<alice@example.test> NOTIFY=NEVER' => 250],
	['NOTIFY of all three', '<alice@example.test> NOTIFY=SUCCESS,FAILURE,DELAY' => 250],
	['NOTIFY in small letters', '<alice@example.test> notify=success' => 250],
	['NOTIFY of never and more', '<alice@example.test> NOTIFY=NEVER,SUCCESS' => '501 5.5.4'],
	['NOTIFY of nothing', '<alice@example.test> NOTIFY=' => '501 5.5.4'],
	['NOTIFY with a comma last', '<alice@example.test> NOTIFY=SUCCESS,' => '501 5.5.4'],
	['NOTIFY of something else', '<alice@example.test> NOTIFY=SOMETIMES' => '501 5.5.4'],
	['NOTIFY twice', '<alice@example.test> NOTIFY=NEVER NOTIFY=NEVER' => '501 5.5.4'],
	['ORCPT', '<alice@example.test> ORCPT=rfc822;a+40b' => 250],
	['ORCPT without a type', '<alice@example.test> ORCPT=;a' => '501 5.5.4'],
	['ORCPT without an address', '<alice@example.test> ORCPT=rfc822;' => '501 5.5.4'],
	['ORCPT without ";"', '<alice@example.test> ORCPT=rfc822' => '501 5.5.4'],
	['ORCPT with a line end in it', '<alice@example.test> ORCPT=rfc822;a+0AX-Evil' => '501 5.5.4'],
	['ORCPT of 501', '<alice@example.test> ORCPT=rfc822;' . 'a' x 501 => '501 5.5.4'],
	['one of MAIL', '<alice@example.test> SIZE=1' => '555 5.5.4'],
	['unknown', '<alice@example.test> FOO' => '555 5.5.4'],
);

# ---- lines
$p->probe('a line of 512 bytes', @ehlo, 'NOOP ' . 'x' x 505 => 250);
$p->probe('a line of 1,000 bytes', @ehlo, 'NOOP ' . 'x' x 993 => 250);
$p->probe('a line of a million bytes is one refusal', @ehlo, 'NOOP ' . 'x' x 1000000 => 500, 'NOOP' => 250);
$p->probe('what is cut to fit is not believed', @ehlo, 'NOOP ' . 'x' x 3000 . ' RSET' => 500, 'MAIL FROM:<a@c.test>' => 250);
$p->probe('LF alone ends the session', @ehlo, \"NOOP\n\r\n" => 500, 'NOOP' => undef);
$p->probe('CR alone ends the session', @ehlo, \"NOOP\rNOOP\r\n" => 500, 'NOOP' => undef);

done_testing;
