#!/usr/bin/perl
# What the gate does with messages that are not as they should be: each check refused, accepted and
# marked; bombs; lines of every kind; what a client's entry in smtpaccess changes.
use strict;
use warnings;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Time::HiRes qw(time);
use Courier::FakeSMTP;
use Courier::Test;

my $far = Courier::FakeSMTP->new(ehlo => ['8BITMIME', 'SIZE']); # knows no SMTPUTF8
my $t = Courier::Test->new(users => ['alice', 'bob'], config => {esmtpd => {TARPIT => 0}, 'esmtpd-msa' => {AUTH_REQUIRED => 0}},
	files => {esmtproutes => 'far.example: [127.0.0.1],' . $far->port . "\n", sizelimit => "30000000\n",
		'smtpaccess/default' => "127.0.0.1\tallow,RELAYCLIENT\n"});
$t->command('makesmtpaccess');
$t->start;
my $n = 0;

# Sends raw text; the reply.
sub send_raw {
	my ($text, %o) = @_;
	my $s = $t->connect($o{service} || 'smtp');
	$t->smtp_reply($s);
	my $r;
	for my $c ('EHLO client.test', "MAIL FROM:<" . ($o{from} // 'x@far.example') . '>' . ($o{params} // ''), "RCPT TO:<" . ($o{to} // 'alice@example.test') . '>', 'DATA') {
		$r = $t->smtp($s, $c);
		return $r if $r !~ /^[23]/;
	}
	$text =~ s/^\./../mg;
	$text =~ s/\n/\r\n/g;
	local $SIG{PIPE} = 'IGNORE';
	print $s $text;
	return $t->smtp($s, '.');
}
# The same with a subject of its own; (reply, message that arrived).
sub arrived {
	my ($header, $body, %o) = @_;
	my $s = 'subject ' . ++$n;
	my $r = send_raw("${header}Subject: $s\n\n$body", %o);
	return ($r, $r =~ /^250/ ? $t->wait_mail('alice', qr/^Subject: $s$/m) : '');
}
sub setting {
	my (%v) = @_;
	$t->configure(submit => \%v);
	$t->command('courier', '-C', $t->path(''), 'reload');
	my $g = 0;
	return $t->wait_for(10, sub { $t->log =~ /reload/i || ++$g > 20 });
}
sub control {
	my ($sender) = @_;
	for my $path (grep {-f && !/spare/} glob($t->path('var/queue/*/*')), glob($t->path('var/queue/msgs/*/C*'))) {
		open my $f, '<:raw', $path or next;
		local $/;
		return $1 if <$f> =~ /s(\Q$sender\E\n(?:[^\0\n]*\n)*?W\d+\n)/;
	}
	return '';
}

# ---- the checks ------------------------------------------------------------------------------

my @faults = (
	# title, id, setting, header, body, reply
	['8-bit headers', 'MTA-1211', 'HEADER8BIT', "X-Name: caf\xc3\xa9\n", "x\n", qr/^550 5\.6\.7 .*header.*RFC 2047/i],
	['an undeclared 8-bit body', 'MTA-1209', 'BODY8BIT', '', "caf\xc3\xa9\n", qr/^550 5\.6\.1 .*MIME header.*RFC 2045/i],
	['a line that is no field', 'MTA-1212', 'BADMIME', "this is none\n", "x\n", qr/^550 5\.6\.0 .*alformed/],
	['a multipart without boundary', 'MTA-1212', 'BADMIME', "MIME-Version: 1.0\nContent-Type: multipart/mixed\n", "x\n", qr/^550 5\.6\.0 .*boundary/],
	['a broken Content-Type', 'MTA-1212', 'BADMIME', "MIME-Version: 1.0\nContent-Type: text/plain; name=\"open\n", "x\n", qr/^550 5\.6\.0 .*Content-Type/],
	['an unknown encoding', 'MTA-1212', 'BADMIME', "MIME-Version: 1.0\nContent-Transfer-Encoding: none\n", "x\n", qr/^550 5\.6\.0 .*Content-Transfer-Encoding/],
	['a field twice', 'MTA-1212', 'BADMIME', "MIME-Version: 1.0\nContent-Type: text/plain\nContent-Type: text/html\n", "x\n", qr/^550 5\.6\.0 /],
	['NUL', 'MTA-1212', 'BADMIME', '', "a\0b\n", qr/^550 5\.6\.0 .*NUL/],
);
my @modes;
for (@faults) {
	my ($title, $id, $set, $header, $body, $want) = @$_;
	my ($r) = arrived($header, $body);
	like($r, $want, "$id: $title: refused, with the reason");
}
setting(HEADER8BIT => 'accept', BODY8BIT => 'accept', BADMIME => 'accept');
ok($t->wait_for(10, sub { send_raw("X: caf\xc3\xa9\n\n") =~ /^250/ }), 'the settings have changed');
for (@faults) {
	my ($title, $id, $set, $header, $body) = @$_;
	my ($r, $m) = arrived($header, $body);
	like($r, qr/^250 /, "$id: $title: accepted");
	ok(index($m, $header) >= 0 && $m =~ /\Q$body\E\z/, 'and left as it was');
	like($m, qr/^Content-Type: text\/plain; charset=utf-8$/m, 'MTA-1209: but declared') if $set eq 'BODY8BIT';
}
my ($r) = send_raw("X: caf\xc3\xa9\nSubject: x\n\nhi\n", from => 'm@far.example', to => 'hold@nowhere.test');
like(control('m@far.example'), qr/^m$/m, 'MTA-1211: the record m') or diag $r;
unlike(control('m@far.example'), qr/MESSAGE_FAULTS/, 'no mark');
setting(HEADER8BIT => 'mark', BODY8BIT => 'mark', BADMIME => 'mark');
ok($t->wait_for(10, sub { ++$n; send_raw("X: caf\xc3\xa9\n\n", from => "mark$n\@far.example", to => "hold$n\@nowhere.test");
	control("mark$n\@far.example") =~ /^OMESSAGE_FAULTS=1$/m }), 'MTA-1211: marked for filters');
for (@faults) {
	my ($title, $id, $set, $header, $body) = @$_;
	like((arrived($header, $body))[0], qr/^250 /, "$id: $title: accepted and marked");
}
($r, my $m) = arrived("MIME-Version: 1.0\nContent-Type: application/x\nContent-Transfer-Encoding: binary\n", "\xff\xfe\n");
like($m, qr/^Content-Transfer-Encoding: binary\n.*\n\n\xff\xfe\n\z/ms, 'MTA-1214: binary is taken as 8bit is');

# ---- bombs (T43, V10) ------------------------------------------------------------------------

sub gates {
	my @found;
	for my $path (glob '/proc/[0-9]*/cmdline') {
		open my $f, '<', $path or next;
		my ($pid) = $path =~ m,/proc/(\d+)/,;
		push @found, $pid if (<$f> // '') =~ /couriergate/;
	}
	return @found;
}
sub memory {
	my $max = 0;
	my $home = $t->path('');
	$home =~ s,/\z,,;
	for my $pid (gates()) {
		open my $e, '<', "/proc/$pid/environ" or next;
		next if (<$e> // '') !~ /\Q$home\E/;
		open my $s, '<', "/proc/$pid/status" or next;
		my ($kb) = join('', <$s>) =~ /^VmHWM:\s+(\d+)/m;
		$max = $kb if $kb && $kb > $max;
	}
	return $max;
}
my $deep = "x\n";
$deep = "Content-Type: multipart/mixed; boundary=\"d$_\"\n\n--d$_\n$deep" for reverse 2 .. 500;
my @bombs = (
	['five hundred multiparts in each other', "Content-Type: multipart/mixed; boundary=d1\n", "--d1\n$deep"],
	['a hundred thousand parts', "Content-Type: multipart/mixed; boundary=m\n", "--m\n\nx\n" x 100_000 . "--m--\n"],
	['ten thousand parameters', 'Content-Type: text/plain' . join('', map {";\n a$_=b"} 1 .. 4000) . "\n", "x\n"],
	['messages in messages', "Content-Type: message/rfc822\n", "Content-Type: message/rfc822\n\n" x 100_000 . "x\n"],
);
setting(HEADER8BIT => 'refuse', BODY8BIT => 'refuse', BADMIME => 'refuse');
for (@bombs) {
	my ($title, $header, $body) = @$_;
	my $begin = time;
	my ($r) = arrived("MIME-Version: 1.0\n$header", $body);
	like($r, qr/^550 5\.6\.0 .*too complex/, "MTA-0852, MTA-1212: $title: refused for ever");
	cmp_ok(time - $begin, '<', 10, 'and soon');
}
my $begin = time;
($r, $m) = arrived("To: " . join(",\n ", map {"u$_\@x.example"} 1 .. 3500) . "\n", "x\n");
like($r, qr/^250 /, 'thousands of addresses in a header');
($r) = arrived('To: ' . '(' x 40_000 . "\n", "x\n");
like($r, qr/^250|^5/, 'forty thousand open comments');
($r) = arrived('To: ' . ('"' . 'a' x 900 . "\"\n ") x 90 . "\n", "x\n");
cmp_ok(time - $begin, '<', 15, 'take no time');
my $kb = memory();
SKIP: {
	skip 'the memory can\'t be read', 1 if !$kb;
	cmp_ok($kb, '<', 300_000, "the gate's memory stays small ($kb KiB)");
}

# ---- lines (T49) -----------------------------------------------------------------------------

setting(BADMIME => 'accept', BODY8BIT => 'accept', HEADER8BIT => 'accept');
ok($t->wait_for(10, sub { send_raw("X: caf\xc3\xa9\n\n\0\n") =~ /^250/ }), 'checks are off');
for (['998 bytes', 'x' x 998 . "\n"], ['1000 bytes', 'x' x 1000 . "\n"], ['a million bytes', 'y' x 1_000_000 . "\n"],
	['NUL', "a\0b\n"], ['8-bit without MIME', "caf\xc3\xa9\n"], ['invalid UTF-8', "\xff\xfe\xc3\n"], ['dots', ".\n..\n.x\n"], ['nothing', '']) {
	my ($title, $body) = @$_;
	my ($r, $m) = arrived('', $body);
	like($r, qr/^250 /, "T49: $title") or next;
	is(substr($m, index($m, "\n\n") + 2) eq $body ? 'same' : 'differs', 'same', 'arrives as it was');
}

# ---- SMTPUTF8 --------------------------------------------------------------------------------

my $u8 = "Subject: Gr\xc3\xbc\xc3\x9fe\nFrom: J\xc3\xb6rg <x\@far.example>\n\nhi\n";
like(send_raw($u8, params => ' SMTPUTF8'), qr/^250 /, 'MTA-1222: a message in UTF-8');
$m = $t->wait_mail('alice', qr/^Subject: Gr\xc3\xbc/m);
like($m, qr/ with UTF8SMTP\n/, 'says so in Received');
send_raw($u8, params => ' SMTPUTF8', from => 'bob@example.test', to => 'a@far.example');
$m = $t->wait_mail('bob', qr/5\.6\.7/);
like($m, qr/SMTPUTF8/, 'MTA-1222: a host that does not know it makes it fail, and the report says why') or diag $t->log;
like($m, qr/^Action: failed$/m, 'for ever');

# ---- ports, and messages that are never finished ---------------------------------------------

(undef, $m) = arrived('', "x\n", service => 'submission');
like($m, qr/^Date: /m, 'MTA-0609: on port 587 a Date is added');
like($m, qr/^Message-ID: <courier\./m, 'MTA-0608: and a Message-ID');
(undef, $m) = arrived('', "x\n");
unlike($m, qr/^(?:Date|Message-ID): /m, 'not on port 25');

{
	my $s = $t->connect('smtp');
	$t->smtp_reply($s);
	$t->smtp($s, $_) for 'EHLO client.test', 'MAIL FROM:<x@far.example>', 'RCPT TO:<alice@example.test>', 'DATA';
	print $s "Subject: never finished\r\n\r\n", "text of a large message\r\n" x 20_000;
	my $files = sub { return scalar(() = glob $t->path('var/queue/tmp/*')) };
	ok($t->wait_for(10, sub { $files->() }), 'a large message comes in, into a file');
	close $s;
	ok($t->wait_for(10, sub { !$files->() }), 'MTA-1132: the client goes away, and so does the file');
	is(scalar(grep {$_->[1] =~ /never finished/} $t->mailbox('alice')), 0, 'MTA-1132: nothing was queued');
}

# ---- the access table ------------------------------------------------------------------------

sub access_entry {
	my ($vars) = @_;
	$t->file('etc/smtpaccess/default', "127.0.0.1\tallow,RELAYCLIENT$vars\n");
	$t->command('makesmtpaccess');
	is($?, 0, "smtpaccess: $vars");
}
access_entry(',NOADDDATE=0,NOADDMSGID=0,NOADDRREWRITE=1,MIME=7bit');
my $h = "To: <a\@FAR.example>\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n";
ok($t->wait_for(20, sub { (undef, $m) = arrived($h, "caf\xc3\xa9\n"); $m =~ /caf=C3=A9/ }), 'MTA-1210: MIME=7bit for this client');
like($m, qr/^X-Mime-Autoconverted: from 8bit to quoted-printable/m, 'says that it was converted');
like($m, qr/^Date: /m, 'MTA-0609: NOADDDATE=0 for this client');
like($m, qr/^Message-ID: /m, 'MTA-0608: NOADDMSGID=0');
like($m, qr/^To: <a\@FAR\.example>$/m, 'MTA-0610: NOADDRREWRITE=1');
access_entry(',NOADDRREWRITE=0,MIME=8bit');
(my $q = $h) =~ s/8bit/quoted-printable/;
ok($t->wait_for(20, sub { (undef, $m) = arrived("DKIM-Signature: x\n$q", "caf=C3=A9\n"); $m =~ /caf\xc3\xa9/ }), 'MTA-1210: MIME=8bit');
like($m, qr/^To: a\@far\.example$/m, 'MTA-0610: NOADDRREWRITE=0 in a signed message');
access_entry(',NOADDRREWRITE=2');
ok($t->wait_for(20, sub { (undef, $m) = arrived("DKIM-Signature: x\n$q", "caf=C3=A9\n"); $m =~ /^To: <a\@FAR/m }), 'MTA-0610: 2: not in a signed message');
(undef, $m) = arrived($q, "caf=C3=A9\n");
like($m, qr/^To: a\@far\.example$/m, 'but in another');
access_entry(',SIZELIMIT=1000');
ok($t->wait_for(20, sub { $r = send_raw("Subject: x\n\n" . "x\n" x 1000); $r =~ /^5(?:23|52) / }), 'MTA-1125: SIZELIMIT for this client') or diag $r;

$t->stop;
done_testing;
