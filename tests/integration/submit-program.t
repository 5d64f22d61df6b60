#!/usr/bin/perl
# The program submit and its line protocol, as scripts of the original use it; and what the gate makes
# of headers and bodies.
use strict;
use warnings;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Courier::Test;

my $t = Courier::Test->new(users => ['alice', 'bob'], config => {submit => {HEADERLIMIT => 2000}},
	files => {"aliases/lists" => "list: alice, bob\nboss: alice\n", bofh => "freemail free.test good.test\n"});
$t->command('makealiases');
is($?, 0, 'aliases');
$t->start;
my $HOST = 'dns; localhost (localhost [127.0.0.1])';

# submit({NAME => VALUE}, [arguments], input): (exit status, [replies], what stood on standard error)
sub submit {
	my ($env, $args, $in) = @_;
	my $file = $t->scratch . '/input';
	open my $fh, '>:raw', $file or die "$file: $!";
	print $fh $in;
	close $fh;
	my $pid = open my $out, '-|';
	if (!$pid) {
		%ENV = (%ENV, %$env, COURIER_HOME => $t->path(''));
		open STDIN, '<', $file;
		open STDERR, '>', $t->scratch . '/err';
		my $as = delete $ENV{AS_UID};
		($<, $>) = ($as, $as) if $as;
		exec Courier::Test::program('submit'), @$args or exit 127;
	}
	my @said = map {chomp; $_} <$out>;
	close $out;
	return ($? >> 8, \@said);
}
my $n = 0;
# Submits for alice; the message that arrived.
sub arrived {
	my ($env, $header, $body, @options) = @_;
	my $s = 'subject ' . ++$n;
	my ($rc, $said) = submit($env, [@options, 'local', $HOST], "x\@far.example\nalice\n\n${header}Subject: $s\n\n$body");
	is($rc, 0, $s) or diag "@$said";
	return $t->wait_mail('alice', qr/^Subject: \Q$s\E$/m);
}
# What the queue's journal has on the messages that wait.
sub queue_text {
	my $text = '';
	for my $path (grep {-f} glob($t->path('var/queue/*')), glob($t->path('var/queue/*/*')), glob($t->path('var/queue/msgs/*/C*'))) {
		open my $f, '<:raw', $path or next;
		local $/;
		$text .= <$f> // '';
	}
	return $text;
}
# The control text of the message with this sender.
sub record { my ($sender) = @_; return queue_text() =~ /s(\Q$sender\E\n(?:[^\0\n]*\n)*?)W\d+\n/ ? $1 : '' }

# ---- the protocol ----------------------------------------------------------------------------

my ($rc, $said) = submit({}, ['-rfc3848=TYPE', 'local', $HOST],
	"bob\@example.test\tF\tenv+20id\nalice\tSF\trfc822;Bob\@x\nnobody\@\@\nlist\n\nSubject: first\nBcc: someone\n\nhi\n");
is($rc, 0, 'MTA-1101: a message');
like($said->[0], qr/^250 Ok\.$/, 'MTA-1110: the answer to the sender');
like($said->[1], qr/^250 Ok\.$/, 'MTA-1111: to a recipient');
like($said->[2], qr/^5\d\d /, 'MTA-1114: a bad one does not end it');
like($said->[3], qr/^250 /, 'the next is fine');
like($said->[4], qr/^250 Ok\. [0-9A-F]{16}\.[0-9A-F]{8}$/, 'MTA-1113: and the end tells the id');
is(scalar @$said, 5, 'one answer each');
my $m = $t->wait_mail('alice', qr/^Subject: first$/m);
like($m, qr/^Return-Path: <bob\@example\.test>$/m, 'arrives from its sender');
like($m, qr/^Received: from localhost \(localhost \[127\.0\.0\.1\]\)\n  \(uid \d+\)\n  by \S+ with TYPE\n  id \S+; /m,
	'MTA-1106, MTA-1116, MTA-1215: Received has origin, who, and the label');
like($m, qr/^Bcc: someone/m, 'MTA-1117: Bcc stays when the envelope has recipients');
ok($t->wait_mail('bob', qr/success|delivered/i), 'the report that was asked for comes');
submit({}, ['local', $HOST], "bob\nalice\tS\tfirst\@far.example\n\nSubject: untyped\n\n");
my $untyped = $t->wait_mail('bob', qr/^Subject: untyped$/m);
like($untyped, qr/^Original-Recipient: rfc822; ?first\@far\.example$/m, 'MTA-1111: an original recipient without a type has the usual one');
sleep 1;
is(scalar(grep {$_->[1] =~ /^Subject: first$/m} $t->mailbox('alice')), 1, 'MTA-1130: alice is in the list too, and has it once');

($rc, $said) = submit({}, ['local', $HOST], "\n\nSubject: by header\nTo: Alice <alice>, g: bob;\nCc: ALICE\@Example.TEST\nBcc: bob,\n alice\n\nhi\n");
is("$rc $#$said", '0 1', 'MTA-1112: recipients of the header') or diag "@$said";
for my $who ('alice', 'bob') {
	$m = $t->wait_mail($who, qr/^Subject: by header$/m);
	ok($m, "$who has it") or next;
	unlike($m, qr/Bcc/, 'MTA-1117: without Bcc');
}
($rc, $said) = submit({}, ['-bcc', 'local', $HOST], "\n\nSubject: by bcc\nTo: alice\nBcc: bob\n\nhi\n");
ok($t->wait_mail('bob', qr/^Subject: by bcc$/m), 'MTA-1104: -bcc');
is(scalar(grep {$_->[1] =~ /^Subject: by bcc$/m} $t->mailbox('alice')), 0, 'To does not count then');
($rc, $said) = submit({}, ['local', $HOST], "\n\nSubject: none\n\nhi\n");
is("$rc @$said[0]", '1 250 Ok.', 'MTA-1112: nobody to send to');
like($said->[1], qr/^511 /, 'is 511');
($rc, $said) = submit({}, ['local', $HOST], "\@bad\nalice\n\n");
is($rc, 1, 'MTA-1114: a refused sender');
is(scalar @$said, 1, 'ends the run');
like($said->[0], qr/^5/, 'with its reply');
for my $bad ("a\001b", '@x', 'a@', 'a b@c.example', 'a@-x-.', '<alice>') {
	($rc, $said) = submit({}, ['local', $HOST], "\n$bad\n\n");
	like($said->[1], qr/^5\d\d /, 'MTA-1216: a bad address is refused');
	is($rc, 1, 'and then nobody is left');
}
for my $good ('a!b%c@far.example', '%a!!b@far.example') {
	($rc, $said) = submit({}, ['-delay=1000', 'local', $HOST], "\n$good\n\nSubject: x\n\n");
	is($rc, 0, "MTA-1216: $good is an address") or diag "@$said";
}

# ---- questions -------------------------------------------------------------------------------

($rc, $said) = submit({}, ['-vrfy=alice@Example.TEST', 'local', $HOST], '');
is("$rc @$said", '0 250 <alice@example.test>', 'MTA-1103: -vrfy tells the canonical address');
($rc, $said) = submit({}, ['-vrfy=nobody', 'local', $HOST], '');
is($rc, 1, 'nobody');
like("@$said", qr/^550 /, 'is unknown');
($rc, $said) = submit({}, ['-expn=list', 'local', $HOST], '');
is("$rc @$said", '0 250-<alice@example.test> 250 <bob@example.test>', 'MTA-1102: -expn lists the members');
($rc, $said) = submit({}, ['-expn=alice', 'local', $HOST], '');
is($rc, 0, 'what is no alias is no failure');
like("@$said", qr/^500 /, 'but 500');

# ---- options ---------------------------------------------------------------------------------

($rc) = submit({}, ['nomodule', $HOST], '');
is($rc, 1, 'MTA-1115: an unknown module');
for my $module (qw(local esmtp uucp dsn fax)) {
	($rc, $said) = submit({}, ['-delay=1000', $module, $HOST], "x\@far.example\nalice\@example.test\n\nSubject: via $module\n\n");
	is($rc, 0, "MTA-1115: module $module") or diag "@$said";
}
($rc) = submit({}, ['-wrong', 'local', $HOST], '');
is($rc, 1, 'an unknown option');
($rc) = submit({}, ['local'], '');
is($rc, 1, 'an argument is missing');
submit({TCPREMOTEIP => '192.0.2.7', RELAYCLIENT => ''}, ['-delay=1234', '-src=smtp/dsn', '-vhost=key', 'esmtp', 'dns; he (h.example [192.0.2.7])'],
	"v\@far.example\tVHS{STARTTLS}\tid\nw\@elsewhere.example\tND\n\nSubject: waits\n\n");
my $record = record('v@far.example');
ok($record, 'a message that waits is in the queue');
like($record, qr/^L1234$/m, 'MTA-1105: -delay');
like($record, qr/^usmtp\/dsn$/m, 'MTA-1109: -src');
like($record, qr/^vkey$/m, 'MTA-1107 MTA-0408: -vhost');
like($record, qr/^V$/m, 'MTA-1110: V');
like($record, qr/^tH$/m, 'H');
like($record, qr/^USTARTTLS$/m, 'S{STARTTLS}');
like($record, qr/^eid$/m, 'the envelope id');
like($record, qr/^fdns; he \(h\.example \[192\.0\.2\.7\]\)$/m, 'the origin');
like($record, qr/^ORELAYCLIENT=$/m, 'MTA-1127: RELAYCLIENT is kept for filters');
like($record, qr/^OTCPREMOTEIP=192\.0\.2\.7$/m, 'TCPREMOTEIP too');
submit({}, ['-delay=1000', '-verp', 'local', $HOST], "verp\@far.example\nw\@elsewhere.example\n\nSubject: waits\n\n");
like(record('verp@far.example'), qr/^V$/m, 'MTA-1108: -verp');
($rc, $said) = submit({}, ['esmtp', 'dns; x'], "a\@far.example\nw\@elsewhere.example\n\nSubject: x\n\n");
like($said->[1], qr/^513 /, 'a client without RELAYCLIENT can\'t relay') or diag "@$said";
($rc, $said) = submit({}, ['-rfc3848=ESMTP', 'esmtp', 'dns; he (h.example [192.0.2.7])'], "a\@far.example\t8\nalice\@example.test\n\nSubject: eight\n\n");
like($t->wait_mail('alice', qr/^Subject: eight$/m), qr/^Received: from he \(h\.example \[192\.0\.2\.7\]\)\n  by \S+ with UTF8ESMTP\n/m, 'MTA-1110: 8 makes UTF8ESMTP');

SKIP: {
	skip 'users are told apart by root\'s instance', 3 if $> != 0;
	chmod 0755, $t->scratch;
	($rc, $said) = submit({AS_UID => 65534}, ['esmtp', $HOST], "a\@x.example\n");
	is($rc, 1, 'MTA-1101: other users may not speak for other modules');
	($rc, $said) = submit({AS_UID => 65534}, ['local', 'dns; forged'], "a\@far.example\nalice\n\nSubject: by nobody\n\n");
	is($rc, 0, 'for local they may');
	unlike($t->wait_mail('alice', qr/^Subject: by nobody$/m), qr/forged/, 'without a word about the origin');
}

# ---- the environment -------------------------------------------------------------------------

($rc, $said) = submit({BLOCK => 'go away'}, ['local', $HOST], "\nalice\n\nSubject: x\n\n");
is("$rc $said->[1]", '1 571 go away', 'MTA-1118: BLOCK');

# what a front end of its own knows of the client
for my $row (['mx.good.test', 250], ['mx.other.test', 517]) {
	(undef, $said) = submit({TCPREMOTEHOST => $row->[0], TCPREMOTEIP => '192.0.2.7'}, ['esmtp', $HOST], "x\@free.test\nalice\n\nSubject: x\n\nx\n");
	like($said->[0], qr/^$row->[1]\b/, "MTA-1129: TCPREMOTEHOST $row->[0] and freemail");
}
for my $row (['[192.0.2.7]', 250], ['[192.0.2.8]', 517]) {
	(undef, $said) = submit({ESMTPHELO => $row->[0], TCPREMOTEIP => '192.0.2.7', BOFHCHECKHELO => 1}, ['esmtp', $HOST], "x\@far.test\nalice\n\nSubject: x\n\nx\n");
	like($said->[0], qr/^$row->[1]\b/, "MTA-1129: ESMTPHELO $row->[0]");
}
($rc, $said) = submit({BLOCK => '450 later'}, ['local', $HOST], "\nalice\n\nSubject: x\n\n");
is($said->[1], '450 later', 'with a code of its own');
($rc, $said) = submit({SIZELIMIT => 10}, ['local', $HOST], "\nalice\n\nSubject: x\n\nmore than that\n");
like($said->[-1], qr/^523 /, 'MTA-1125: SIZELIMIT');
submit({DSNENVID => 'a b', DSNRET => 'H', DSNNOTIFY => 'SD'}, ['-delay=1000', 'local', $HOST], "env\@far.example\nw\@elsewhere.example\n\nSubject: x\n\n");
$record = record('env@far.example');
like($record, qr/^ea(?: |\+20)b$/m, 'MTA-1119: DSNENVID');
like($record, qr/^tH$/m, 'MTA-1121: DSNRET');
like($record, qr/^NSD$/m, 'MTA-1120: DSNNOTIFY');
submit({DSNNOTIFY => 'N'}, ['-delay=1000', 'local', $HOST], "envh\@far.example\n\nTo: w\@elsewhere.example\n\n");
like(record('envh@far.example'), qr/^NN$/m, 'MTA-1120: for recipients of the header, too');
$m = arrived({NOADDDATE => 1, NOADDMSGID => 1}, '', "x\n");
unlike($m, qr/^(?:Date|Message-ID):/mi, 'MTA-1122: NOADDDATE, NOADDMSGID');
$m = arrived({NOADDDATE => 0, NOADDMSGID => ''}, '', "x\n");
like($m, qr/^Date: /m, 'MTA-1207: 0 and nothing are off, so Date is added');
like($m, qr/^Message-ID: <courier\.[0-9A-F]{16}\.[0-9A-F]{8}\@\S+>$/m, 'MTA-1206: and Message-ID');

# ---- headers ---------------------------------------------------------------------------------

like($m, qr/^To: undisclosed-recipients: ;$/m, 'MTA-1205: no recipient in the header');
$m = arrived({}, "To: <alice>, g: Bob <bob>, \"x y\"\@A.EXAMPLE; u!v, <\@r:q\@Z.EXAMPLE>\nX-To: <alice>\n", "x\n");
like($m, qr/^To: alice\@example\.test, g: Bob <bob\@example\.test>, "x y"\@a\.example; u!v, q\@z\.example$/m,
	'MTA-1201, MTA-1203, MTA-1223: addresses in canonical form');
like($m, qr/^X-To: <alice>$/m, 'other fields as they were');
$m = arrived({NOADDRREWRITE => 1}, "To: <alice>\n", "x\n");
like($m, qr/^To: <alice>$/m, 'MTA-1123: NOADDRREWRITE=1');
$m = arrived({NOADDRREWRITE => 2}, "To: <alice>\nDKIM-Signature: x\n", "x\n");
like($m, qr/^To: <alice>$/m, 'MTA-1219: 2 and a signature');
$m = arrived({NOADDRREWRITE => 2}, "To: <alice>\n", "x\n");
like($m, qr/^To: alice\@example\.test$/m, 'MTA-1219: 2 without one');
$m = arrived({NOADDRREWRITE => 0}, "To: <alice>\nDKIM-Signature: x\n", "x\n");
like($m, qr/^To: alice\@example\.test$/m, '0: in any message');
$m = arrived({}, "Return-Path: <z\@y>\nResent-To: bob\nReceived-SPF: pass\n", "x\n");
like($m, qr/^Old-Return-Path: <z\@y>$/m, 'MTA-1217: Return-Path');
like($m, qr/^Resent-To: bob\@example\.test$/m, 'MTA-1204: Resent- fields are addresses, too');
like($m, qr/^Received-SPF: pass$/m, 'what a program here says of SPF stays');
unlike($m, qr/undisclosed/, 'and name recipients');

sub by_smtp {
	my ($header, %o) = @_;
	my $s = 'smtp ' . ++$n;
	my $r = $t->send_mail(from => 'x@far.example', to => 'alice@example.test', text => "${header}Subject: $s\n\n" . ($o{body} // "x\n"));
	like($r, qr/^250 /, $s);
	return $t->wait_mail('alice', qr/^Subject: $s$/m);
}
$m = by_smtp("To: alice, <b\@FAR.example>\nAuthentication-Results: x\nReceived-SPF: pass\nReturn-Path: <q>\n");
like($m, qr/^To: alice, b\@far\.example$/m, 'MTA-1202: canonical form, but bare names stay bare');
like($m, qr/^Old-Authentication-Results: x$/m, 'MTA-1218: Authentication-Results of others');
like($m, qr/^Old-Received-SPF: pass$/m, 'MTA-1218: Received-SPF of others');
like($m, qr/^Old-Return-Path: <q>$/m, 'MTA-1217: Return-Path');
unlike($m, qr/^Date:/m, 'MTA-0609: no Date on port 25');
unlike($m, qr/^Message-ID:/mi, 'MTA-0608: nor Message-ID');
$m = by_smtp("DKIM-Signature: v=1\nTo: <alice>, <b\@FAR.example>\n");
like($m, qr/^To: <alice>, <b\@FAR\.example>$/m, 'MTA-0610: a signed message stays as it was signed');

# ---- bodies ----------------------------------------------------------------------------------

my $cafe = "caf\xc3\xa9\n";
$m = arrived({}, '', $cafe);
like($m, qr/^MIME-Version: 1\.0\nContent-Type: text\/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n$cafe\z/m, 'MTA-1209: 8-bit text is called UTF-8');
$m = arrived({}, '', "ascii\n");
unlike($m, qr/^(?:MIME-Version|Content-Type)/m, 'MTA-1209: ASCII is left alone');
$m = arrived({MIME => 'none'}, '', $cafe);
unlike($m, qr/^(?:MIME-Version|Content-Type)/m, 'MTA-1124: MIME=none');
$m = arrived({MIME => '7bit'}, '', $cafe);
like($m, qr/^MIME-Version: 1\.0\nContent-Type: text\/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\nX-Mime-Autoconverted: from 8bit to quoted-printable by [^\n]*\n(?:\S.*\n)*\ncaf=C3=A9\n\z/m,
	'MTA-1124, MTA-1210: MIME=7bit');
$m = arrived({MIME => '7bit'}, "From: J\xc3\xb6rg <j\@far.example>\n", "x\n");
like($m, qr/^From: =\?utf-8\?b\?SsO2cmc=\?= <j\@far\.example>$/mi, 'MTA-1124: 8-bit headers become encoded words');
my $qp = "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n";
$m = arrived({MIME => '8bit'}, $qp, "caf=C3=A9 =\nmore\n");
like($m, qr/^Content-Transfer-Encoding: 8bit\nX-Mime-Autoconverted: from quoted-printable to 8bit by [^\n]*\n(?:\S.*\n)*\ncaf\xc3\xa9 more\n\z/m, 'MTA-1124, MTA-1210: MIME=8bit');
my $signed = "MIME-Version: 1.0\nContent-Type: multipart/signed; boundary=s\n";
my $parts = "--s\nContent-Transfer-Encoding: 8bit\n\n$cafe--s\nContent-Type: application/x\n\nsig\n--s--\n";
$m = arrived({MIME => '7bit'}, $signed, $parts);
is(substr($m, -length $parts), $parts, 'signed parts stay');
for my $size (200, 5_000) { # in memory, and in a file
	my $big = ("line of ascii text, of which there is a lot\n" x $size) . $cafe;
	$m = arrived({MIME => '7bit'}, '', $big);
	like($m, qr/^Content-Transfer-Encoding: quoted-printable$/m, "$size lines: found in the last line");
	(my $want = $big) =~ s/\xc3\xa9/=C3=A9/;
	is(substr($m, -length $want), $want, 'converted');
	$m = arrived({}, '', $big);
	like($m, qr/^Content-Transfer-Encoding: 8bit$/m, 'MTA-1209: or called UTF-8');
	is(substr($m, -length $big), $big, 'whole');
	(my $encoded = $big) =~ s/\xc3\xa9/=C3=A9/;
	$m = arrived({MIME => '8bit'}, $qp, $encoded);
	is(substr($m, -length $big), $big, 'MIME=8bit');
}

my $dense = ("\xc3\xa9" x 30 . "\n") x 850; # grows beyond what travels without a file
$m = arrived({MIME => '7bit'}, '', $dense);
my ($grown) = $m =~ /\n\n(.*)\z/s;
$grown =~ s/=\n//g;
$grown =~ s/=([0-9A-F]{2})/chr hex $1/ge;
ok($grown eq $dense, 'a body that becomes three times as large');

# ---- lines of every kind (T49) ---------------------------------------------------------------

my @odd = (['998 bytes', 'x' x 998 . "\n"], ['1000 bytes', 'x' x 1000 . "\n"], ['a million', 'y' x 1_000_000 . "\n"],
	['no final newline', 'end'], ['NUL', "a\0b\n"], ['a lone CR', "a\rb\n"], ['invalid UTF-8', "\xff\xfe\n"], ['From', "From x\n.\n..\n"]);
for (@odd) {
	my ($name, $text) = @$_;
	for my $mime ('', '7bit', '8bit') {
		$m = arrived({MIME => $mime}, '', $text);
		my ($body) = $m =~ /\n\n(.*)\z/s;
		if ($mime eq '7bit' && $m =~ /quoted-printable/) {
			$body =~ s/=\n//g;
			$body =~ s/=([0-9A-F]{2})/chr hex $1/ge;
		}
		$body =~ s/\n\z// if $text !~ /\n\z/;
		ok($body eq $text, "T49: $name, MIME=$mime");
	}
}

# ---- incomplete, and without the gate --------------------------------------------------------

($rc, $said) = submit({}, ['local', $HOST], "\nalice\n");
is($rc, 1, 'MTA-1132: input that ends in the envelope is not queued');
is(scalar(grep {$_->[1] =~ /Subject: never/} $t->mailbox('alice')), 0, 'nothing came');
$t->stop;
($rc, $said) = submit({}, ['local', $HOST], "bob\@example.test\nalice\tS\trfc822;Orig\@x\n\nSubject: while down\n\nlater\n");
is($rc, 0, 'MTA-1133: the system is down, and mail is taken') or diag "@$said";
like($said->[-1], qr/^250 /, 'with 250');
($rc, $said) = submit({}, ['esmtp', $HOST], "x\@far.example\n");
like("$rc @$said", qr/^1 451 /, 'but not for the network');
$t->start;
ok($t->wait_mail('alice', qr/^Subject: while down$/m), 'MTA-1133: it is picked up at the start');
ok($t->wait_mail('bob', qr/Original-Recipient: rfc822; ?Orig\@x/), 'with what was wished of reports');
$t->stop;
done_testing;
