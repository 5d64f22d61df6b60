#!/usr/bin/perl
# imapd over a pipe, command by command: what the client writes and what must come back.
use strict;
use warnings;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Courier::ImapPipe;

my $top = top();

subtest 'session' => sub {
	my $c = client(maildir());
	like($c->{greeting}, qr/^\* PREAUTH \[CAPABILITY IMAP4rev1 /, 'greeting');
	my @r = $c->cmd('CAPABILITY');
	like($r[0], qr/^\* CAPABILITY IMAP4rev1 .*UIDPLUS.* SPECIAL-USE/, 'capability');
	unlike($r[0], qr/AUTH=|STARTTLS/, 'nothing that belongs before login');
	is(($c->cmd('NOOP'))[-1], 'OK NOOP completed', 'noop');
	is(($c->cmd('noop'))[-1], 'OK NOOP completed', 'case does not matter');
	like(($c->cmd('NOOP x'))[-1], qr/^BAD/, 'argument refused');
	like(($c->cmd('FROB'))[-1], qr/^BAD/, 'unknown command');
	like(($c->cmd('FETCH 1 FLAGS'))[-1], qr/^BAD No mailbox/, 'state is checked');
	like(($c->cmd('UID NOOP'))[-1], qr/^BAD/, 'UID goes with some commands only');
	like(($c->cmd('NAMESPACE'))[0], qr/^\* NAMESPACE \(\("INBOX\." "\."\)\) NIL \(\("#shared\." "\."\)\("shared\." "\."\)\)$/, 'namespace');
	has('id', qr/^\* ID \("name" "Courier-IMAP"\)/, $c->cmd('ID ("name" "test" "version" NIL)'));
	has('id nil', qr/^OK/, $c->cmd('ID NIL'));
	has('enable', qr/^\* ENABLED$/, $c->cmd('ENABLE FROB'));
	$c->put("\r\nx1\r\n");
	has('a tag alone', qr/^BAD/, $c->reply('x1'));
	@r = $c->cmd('LOGOUT');
	like($r[0], qr/^\* BYE/, 'bye');
	is($r[1], 'OK LOGOUT completed', 'logout');
	is($c->end, 0, 'exit status');
	$c = client("$top/nothing");
	like($c->{greeting}, qr/^\* BYE/, 'no Maildir, no session');
	is($c->end >> 8, 75, 'temporary failure');
};

subtest 'taking over after login' => sub {
	my $dir = maildir();
	local $ENV{AUTHENTICATED} = 'me@example.com';
	local $ENV{MAILDIR} = $dir;
	local $ENV{IMAP_LOGIN_TAG} = 'a1';
	local $ENV{IMAP_INITIAL} = 'eDEgTk9PUA0K'; # x1 NOOP
	local $ENV{MAILDIRQUOTA} = '100000S';
	my $c = client();
	like($c->{greeting}, qr/^a1 OK \[CAPABILITY IMAP4rev1 /, 'the login is answered');
	is(($c->reply('x1'))[-1], 'OK NOOP completed', 'input that the login process had read');
	$c->end;
	like(slurp("$dir/maildirsize"), qr/^100000S\n/, 'quota of the account');
	$ENV{OPTIONS} = 'disableimap=1';
	like(client()->{greeting}, qr/^a1 NO \[UNAVAILABLE\]/, 'disabled account');
	delete $ENV{OPTIONS};
};

# LIST and LSUB: IMAP-0105.  CREATE: IMAP-0108, DELETE: IMAP-0109, RENAME: IMAP-0110, SUBSCRIBE and
# UNSUBSCRIBE: IMAP-0111.  Folder names after ENABLE UTF8=ACCEPT: IMAP-0159.
subtest 'folders' => sub {
	my $dir = maildir();
	my $c = client($dir);
	has('create', qr/^OK/, $c->cmd('CREATE INBOX.Foo.Bar'));
	has('trailing separator', qr/^OK/, $c->cmd('CREATE inbox.Sent.'));
	has('twice', qr/^NO \[ALREADYEXISTS\]/, $c->cmd('CREATE INBOX.Sent'));
	has('outside', qr/^NO \[CANNOT\]/, $c->cmd('CREATE Foo'));
	has('bad name', qr/^NO/, $c->cmd('CREATE "INBOX.a/b"'));
	has('bad name', qr/^NO/, $c->cmd('CREATE INBOX..b'));
	has('utf-7', qr/^OK/, $c->cmd('CREATE INBOX.M&APw-ll'));
	ok(-f "$dir/.M\xc3\xbcll/maildirfolder", 'UTF-8 on disk');
	has('wrong utf-7', qr/^NO/, $c->cmd('CREATE "INBOX.M&AGE-"'));
	my @r = $c->cmd('LIST "" *');
	is_deeply(
		\@r,
		[   '* LIST (\Unmarked \HasChildren) "." "INBOX"',
			'* LIST (\Noselect \HasChildren) "." "INBOX.Foo"',
			'* LIST (\HasNoChildren) "." "INBOX.Foo.Bar"',
			'* LIST (\HasNoChildren) "." "INBOX.M&APw-ll"',
			'* LIST (\Sent \HasNoChildren) "." "INBOX.Sent"',
			'OK LIST completed'
		],
		'list'
	) or diag explain \@r;
	is(scalar(@{[$c->cmd('LIST "" %')]}), 2, 'percent stops at dots');
	is(scalar(@{[$c->cmd('LIST "" inbox.%')]}), 4, 'one level');
	is(scalar(@{[$c->cmd('LIST INBOX. %o%')]}), 2, 'reference');
	is(($c->cmd('LIST "" ""'))[0], '* LIST (\Noselect) "." ""', 'root');
	has('subscribe', qr/^OK/, $c->cmd('SUBSCRIBE INBOX.Foo.Bar'));
	has('subscribe inbox', qr/^OK/, $c->cmd('SUBSCRIBE INBOX'));
	has('unknown', qr/^NO/, $c->cmd('SUBSCRIBE INBOX.None'));
	is(slurp("$dir/courierimapsubscribed"), "INBOX\nINBOX.Foo.Bar\n", 'file');
	@r = $c->cmd('LSUB "" *');
	is(scalar(@r), 3, 'lsub');
	has('lsub % shows parents', qr/\\Noselect .*"INBOX.Foo"/, $c->cmd('LSUB "" INBOX.%'));
	has('unsubscribe', qr/^OK/, $c->cmd('UNSUBSCRIBE INBOX.Foo.Bar'));
	has('rename with children', qr/^OK/, $c->cmd('RENAME INBOX.Foo INBOX.New'));
	ok(-d "$dir/.New.Bar" && !-e "$dir/.Foo.Bar", 'renamed');
	has('taken', qr/^NO \[ALREADYEXISTS\]/, $c->cmd('RENAME INBOX.Sent INBOX.New.Bar'));
	has('below itself', qr/^NO/, $c->cmd('RENAME INBOX.Sent INBOX.Sent.x'));
	has('missing', qr/^NO/, $c->cmd('RENAME INBOX.None INBOX.None2'));
	has('delete', qr/^OK/, $c->cmd('DELETE INBOX.New.Bar'));
	ok(!-e "$dir/.New.Bar", 'deleted');
	has('not INBOX', qr/^NO/, $c->cmd('DELETE INBOX'));
	$c->cmd('SELECT INBOX.Sent');
	has('not the selected one', qr/^NO/, $c->cmd('DELETE INBOX.Sent'));
	put($dir, message(Subject => 'x'));
	has('rename INBOX', qr/^OK/, $c->cmd('RENAME INBOX INBOX.Old'));
	has('moved', qr/MESSAGES 1/, $c->cmd('STATUS INBOX.Old (MESSAGES)'));
	has('utf8', qr/^\* ENABLED UTF8=ACCEPT/, $c->cmd('ENABLE UTF8=ACCEPT'));
	has('utf8 names', qr/"INBOX.M\xc3\xbcll"/, $c->cmd('LIST "" *'));
	$c->end;
	symlink "$dir/.Sent", "$dir/.Link";
	$c = client($dir);
	has('no link is deleted', qr/^NO/, $c->cmd('DELETE INBOX.Link'));
	$c->end;
};

# SELECT and EXAMINE: IMAP-0112, STATUS: IMAP-0113, CLOSE: IMAP-0115.
subtest 'select' => sub {
	my $dir = maildir();
	put($dir, message(Subject => 'one'));
	put($dir, message(Subject => 'two'), flags => 'S');
	my $c = client($dir);
	my @r = $c->cmd('EXAMINE INBOX');
	is_deeply(
		[@r[0 .. 4]],
		[   '* FLAGS (\Draft \Answered \Flagged \Deleted \Seen)',
			'* OK [PERMANENTFLAGS ()] No flag can be changed',
			'* 2 EXISTS', '* 1 RECENT', '* OK [UNSEEN 1] First unseen message'
		],
		'examine'
	) or diag explain \@r;
	is($r[-1], 'OK [READ-ONLY] Ok', 'read-only');
	like($r[6], qr/UIDNEXT 3/, 'uidnext');
	has('no store', qr/^NO \[READ-ONLY\]/, $c->cmd('STORE 1 +FLAGS (\Seen)'));
	has('fetch leaves it alone', qr/^OK/, $c->cmd('FETCH 1 BODY[]'));
	ok(scalar(glob("$dir/new/*")), 'still in new');
	@r = $c->cmd('SELECT INBOX');
	is($r[-1], 'OK [READ-WRITE] Ok', 'select');
	has('recent', qr/^\* 1 RECENT/, @r);
	ok(!scalar(glob("$dir/new/*")), 'new is empty');
	like((slurp("$dir/courierimapuiddb"))[0], qr/^1 \d+ 3\n1 \S+\n2 \S+\n$/, 'uiddb');
	has('second select: not recent', qr/^\* 0 RECENT/, $c->cmd('SELECT INBOX'));
	put($dir, message(Subject => 'three'));
	@r = $c->cmd('NOOP');
	is_deeply(\@r, ['* 3 EXISTS', '* 1 RECENT', 'OK NOOP completed'], 'new mail');
	has('status', qr/^\* STATUS "INBOX" \(MESSAGES 3 RECENT 0 UIDNEXT 4 UIDVALIDITY \d+ UNSEEN 2\)/,
		$c->cmd('STATUS INBOX (MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN)'));
	has('bad status', qr/^BAD/, $c->cmd('STATUS INBOX (FROB)'));
	has('check', qr/^OK/, $c->cmd('CHECK'));
	has('failing select', qr/^NO \[NONEXISTENT\]/, $c->cmd('SELECT INBOX.None'));
	has('leaves nothing selected', qr/^BAD/, $c->cmd('CHECK'));
	$c->cmd('SELECT INBOX');
	$c->cmd('STORE 1 +FLAGS.SILENT (\Deleted)');
	has('unselect', qr/^OK/, $c->cmd('UNSELECT'));
	has('expunged nothing', qr/MESSAGES 3/, $c->cmd('STATUS INBOX (MESSAGES)'));
	$c->cmd('SELECT INBOX');
	is_deeply([$c->cmd('CLOSE')], ['OK CLOSE completed'], 'close is silent');
	has('and expunges', qr/MESSAGES 2/, $c->cmd('STATUS INBOX (MESSAGES)'));
	$c->end;
};

my $mime = <<'END';
From: "Doe, John" <john@example.com>
To: Group: a@example.com, "B" <b@example.com>;
Cc: =?utf-8?q?J=C3=BCrgen?= <j@example.com>
Subject: mixed
Date: Mon, 02 Nov 2026 10:00:00 +0100
Message-ID: <mix@example.com>
In-Reply-To: <other@example.com>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="b1"

preamble
--b1
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable
Content-Disposition: inline

Gr=FC=DFe
--b1
Content-Type: message/rfc822

From: in@example.com
Subject: inner
Content-Type: multipart/alternative; boundary=b2

--b2

plain inner
--b2
Content-Type: text/html

<p>html inner</p>
--b2--
--b1
Content-Type: application/pdf; name="x.pdf"
Content-Transfer-Encoding: base64
Content-Disposition: attachment; filename="x.pdf"

JVBERi0=
--b1--
END

# FETCH and its sets: IMAP-0117; FLAGS: IMAP-0118, UID: IMAP-0119, INTERNALDATE: IMAP-0120, RFC822.SIZE: IMAP-0121,
# ENVELOPE: IMAP-0122, BODY and BODYSTRUCTURE: IMAP-0123, RFC822 and its kin: IMAP-0124, BODY[] in pieces: IMAP-0125,
# parts: IMAP-0126, HEADER: IMAP-0127, HEADER.FIELDS: IMAP-0128, TEXT and MIME: IMAP-0129, ALL, FAST, FULL: IMAP-0130.
subtest 'fetch' => sub {
	my $dir = maildir();
	put($dir, $mime, flags => 'F', time => 1000000000);
	put($dir, "Subject: crlf\r\n\r\na\r\nb\r\n", flags => '');
	put($dir, "Subject: no body", flags => '');
	my $c = client($dir);
	$c->cmd('SELECT INBOX');
	is(($c->cmd('FETCH 1 (UID FLAGS INTERNALDATE)'))[0],
		'* 1 FETCH (UID 1 FLAGS (\Flagged) INTERNALDATE " 9-Sep-2001 01:46:40 +0000")', 'simple items');
	(my $wire = $mime) =~ s/\n/\r\n/g;
	my $size = length $wire;
	is(($c->cmd('FETCH 1 RFC822.SIZE'))[0], "* 1 FETCH (RFC822.SIZE $size)", 'size with CRLF');
	is(($c->cmd('FETCH 2 RFC822.SIZE'))[0], '* 2 FETCH (RFC822.SIZE 23)', 'size of a CRLF file');
	is(($c->cmd('FETCH 1 BODY.PEEK[]'))[0], "* 1 FETCH (BODY[] {$size}\r\n$wire)", 'whole');
	is(($c->cmd('FETCH 1 BODY.PEEK[]<10.20>'))[0],
		"* 1 FETCH (BODY[]<10> {20}\r\n" . substr($wire, 10, 20) . ')', 'partial');
	is(($c->cmd("FETCH 1 BODY.PEEK[]<$size.20>"))[0], "* 1 FETCH (BODY[]<$size> {0}\r\n)", 'partial past the end');
	my ($head) = $wire =~ /\A(.*?\r\n\r\n)/s;
	is(($c->cmd('FETCH 1 RFC822.HEADER'))[0],
		'* 1 FETCH (RFC822.HEADER {' . length($head) . "}\r\n$head)", 'header');
	is(($c->cmd('FETCH 1 BODY.PEEK[TEXT]<0.8>'))[0], "* 1 FETCH (BODY[TEXT]<0> {8}\r\npreamble)", 'text');
	is(($c->cmd('FETCH 1 BODY.PEEK[1]'))[0], "* 1 FETCH (BODY[1] {9}\r\nGr=FC=DFe)", 'part');
	like(($c->cmd('FETCH 1 BODY.PEEK[1.MIME]'))[0],
		qr/BODY\[1\.MIME\] \{\d+\}\r\nContent-Type: text\/plain; charset=iso-8859-1\r\n.*inline\r\n\r\n\)$/s, 'mime');
	like(($c->cmd('FETCH 1 BODY.PEEK[2.HEADER]'))[0], qr/\}\r\nFrom: in\@example.com\r\nSubject: inner\r\n/, 'inner header');
	is(($c->cmd('FETCH 1 BODY.PEEK[2.2]'))[0], "* 1 FETCH (BODY[2.2] {17}\r\n<p>html inner</p>)", 'part of a part');
	is(($c->cmd('FETCH 1 BODY.PEEK[2.HEADER.FIELDS (SUBJECT)]'))[0],
		"* 1 FETCH (BODY[2.HEADER.FIELDS (\"SUBJECT\")] {18}\r\nSubject: inner\r\n\r\n)", 'inner fields');
	is(($c->cmd('FETCH 1 BODY.PEEK[7]'))[0], '* 1 FETCH (BODY[7] NIL)', 'no such part');
	is(($c->cmd('FETCH 1 BODY.PEEK[HEADER.FIELDS (subject "to" X-None)]'))[0],
		"* 1 FETCH (BODY[HEADER.FIELDS (\"subject\" \"to\" \"X-None\")] {66}\r\n"
		. "To: Group: a\@example.com, \"B\" <b\@example.com>;\r\nSubject: mixed\r\n\r\n)", 'fields');
	my ($not) = $c->cmd('FETCH 1 BODY.PEEK[HEADER.FIELDS.NOT (subject to)]');
	unlike($not, qr/^(Subject|To):/m, 'fields not');
	like($not, qr/^Cc:/m, 'the others');
	is(($c->cmd('FETCH 1 ENVELOPE'))[0],
		'* 1 FETCH (ENVELOPE ("Mon, 02 Nov 2026 10:00:00 +0100" "mixed" '
		. '(("Doe, John" NIL "john" "example.com")) (("Doe, John" NIL "john" "example.com")) '
		. '(("Doe, John" NIL "john" "example.com")) '
		. '((NIL NIL "Group" NIL)(NIL NIL "a" "example.com")("B" NIL "b" "example.com")(NIL NIL NIL NIL)) '
		. '(("=?utf-8?q?J=C3=BCrgen?=" NIL "j" "example.com")) NIL "<other@example.com>" "<mix@example.com>"))',
		'envelope');
	is(($c->cmd('FETCH 1 BODY'))[0],
		'* 1 FETCH (BODY (("text" "plain" ("charset" "iso-8859-1") NIL NIL "quoted-printable" 9 0)'
		. '("message" "rfc822" NIL NIL NIL "7bit" 169 (NIL "inner" ((NIL NIL "in" "example.com")) '
		. '((NIL NIL "in" "example.com")) ((NIL NIL "in" "example.com")) NIL NIL NIL NIL NIL) '
		. '(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 11 0)("text" "html" NIL NIL NIL "7bit" 17 0) "alternative") 11)'
		. '("application" "pdf" ("name" "x.pdf") NIL NIL "base64" 8) "mixed"))', 'body')
		or diag(($c->cmd('FETCH 1 BODY'))[0]);
	like(($c->cmd('FETCH 1 BODYSTRUCTURE'))[0],
		qr/\("inline" NIL\).*\("attachment" \("filename" "x\.pdf"\)\) NIL NIL\) "mixed" \("boundary" "b1"\) NIL NIL NIL\)\)$/,
		'bodystructure');
	is(($c->cmd('FETCH 3 (BODY.PEEK[TEXT] BODY.PEEK[HEADER])'))[0],
		"* 3 FETCH (BODY[TEXT] {0}\r\n BODY[HEADER] {16}\r\nSubject: no body)", 'no body');
	like(($c->cmd('FETCH 2 FAST'))[0], qr/^\* 2 FETCH \(FLAGS \(\) INTERNALDATE .* RFC822\.SIZE 23\)$/, 'fast');
	like(($c->cmd('FETCH 2 ALL'))[0], qr/ENVELOPE \(NIL "crlf"/, 'all');
	like(($c->cmd('FETCH 2 FULL'))[0], qr/BODY \("text" "plain"/, 'full');
	is(($c->cmd('FETCH 2 BODY[TEXT]'))[0],
		"* 2 FETCH (BODY[TEXT] {6}\r\na\r\nb\r\n FLAGS (\\Seen))", 'sets seen');
	is(($c->cmd('FETCH 2 FLAGS'))[0], '* 2 FETCH (FLAGS (\Seen))', 'seen');
	is(($c->cmd('UID FETCH 3:* FLAGS'))[0], '* 3 FETCH (UID 3 FLAGS ())', 'uid fetch');
	is(($c->cmd('UID FETCH 100:* UID'))[0], '* 3 FETCH (UID 3)', 'star is the last message');
	is_deeply([$c->cmd('UID FETCH 100:200 FLAGS')], ['OK FETCH completed'], 'unknown uids');
	is(scalar(@{[$c->cmd('FETCH 1,3:2,* UID')]}), 4, 'sets');
	has('out of range', qr/^BAD/, $c->cmd('FETCH 4 FLAGS'));
	has('zero', qr/^BAD/, $c->cmd('FETCH 0 FLAGS'));
	for my $bad ('FETCH', 'FETCH 1', 'FETCH 1 FROB', 'FETCH 1 (FLAGS', 'FETCH 1 BODY[', 'FETCH 1 BODY[0]',
		'FETCH 1 BODY[1.]', 'FETCH 1 BODY[MIME]', 'FETCH 1 BODY[]<1>', 'FETCH 1 BODY[HEADER.FIELDS ()]', 'FETCH 1 (ALL)') {
		has($bad, qr/^BAD/, $c->cmd($bad));
	}
	unlink glob "$dir/cur/*:2,F";
	has('gone meanwhile', qr/^NO \[EXPUNGEISSUED\]/, $c->cmd('FETCH 1:2 BODY.PEEK[TEXT]'));
	has('told at the next chance', qr/^\* 1 EXPUNGE/, $c->cmd('NOOP'));
	$c->end;
};

# STORE and UID STORE: IMAP-0131.
subtest 'store' => sub {
	my $dir = maildir();
	put($dir, message(Subject => $_), flags => '') for 1 .. 3;
	my $c = client($dir);
	my $d = client($dir);
	$_->cmd('SELECT INBOX') for $c, $d;
	is(($c->cmd('STORE 1 FLAGS (\Seen \Flagged)'))[0], '* 1 FETCH (FLAGS (\Flagged \Seen))', 'set');
	is(($c->cmd('STORE 1 +FLAGS \Answered'))[0], '* 1 FETCH (FLAGS (\Answered \Flagged \Seen))', 'add');
	is(($c->cmd('UID STORE 1 -FLAGS (\Flagged)'))[0], '* 1 FETCH (UID 1 FLAGS (\Answered \Seen))', 'remove');
	is_deeply([$c->cmd('STORE 2:3 FLAGS.SILENT (\Draft)')], ['OK STORE completed'], 'silent');
	ok(scalar(grep {/:2,RS$/} glob "$dir/cur/*"), 'in the name');
	is_deeply([$d->cmd('NOOP')],
		['* 1 FETCH (FLAGS (\Answered \Seen))', '* 2 FETCH (FLAGS (\Draft))', '* 3 FETCH (FLAGS (\Draft))', 'OK NOOP completed'],
		'the other session sees it');
	my @r = $c->cmd('STORE 2 +FLAGS ($Work Other)');
	has('flags are announced', qr/^\* FLAGS \(.*\$Work Other\)/, @r);
	has('permanent', qr/PERMANENTFLAGS \(.*\$Work Other \\\*\)/, @r);
	has('keywords', qr/^\* 2 FETCH \(FLAGS \(\\Draft \$Work Other\)\)/, @r);
	has('the other session', qr/^\* 2 FETCH \(FLAGS \(\\Draft \$Work Other\)\)/, $d->cmd('NOOP'));
	has('remove one', qr/FLAGS \(\\Draft Other\)/, $c->cmd('STORE 2 -FLAGS ($work)'));
	has('replace', qr/FLAGS \(Third\)/, $c->cmd('STORE 2 FLAGS (Third)'));
	is_deeply([$c->cmd('STORE 3 -FLAGS (Unknown)')], ['* 3 FETCH (FLAGS (\Draft))', 'OK STORE completed'], 'unknown keyword');
	$_->end for $c, $d;
	$c = client($dir);
	$c->cmd('SELECT INBOX');
	is(($c->cmd('FETCH 2 FLAGS'))[0], '* 2 FETCH (FLAGS (Third))', 'kept');
	has('bad flag', qr/^BAD/, $c->cmd('STORE 1 FLAGS (\Frob)'));
	has('bad item', qr/^BAD/, $c->cmd('STORE 1 FROB (\Seen)'));
	$c->end;
};

# APPEND: IMAP-0114, EXPUNGE and UID EXPUNGE: IMAP-0116, COPY and UID COPY: IMAP-0132.
subtest 'append, copy, move, expunge' => sub {
	my $dir = maildir();
	my $c = client($dir);
	$c->cmd('CREATE INBOX.Box');
	$c->put("a1 APPEND INBOX (\\Seen Kw) \"01-Jan-2020 12:00:00 +0100\" {5}\r\n");
	like($c->line, qr/^\+ /, 'continuation');
	$c->put("Subject: x\r\n");
	my @r = $c->reply('a1');
	like($r[-1], qr/^BAD/, 'literal longer than said');
	$c->put("a2 APPEND INBOX (\\Seen Kw) \"01-Jan-2020 12:00:00 +0100\" {17+}\r\nSubject: x\r\n\r\ny\r\n\r\n");
	like(($c->reply('a2'))[-1], qr/^OK \[APPENDUID \d+ 1\]/, 'appended');
	my ($file) = glob "$dir/cur/*";
	is(slurp($file), "Subject: x\n\ny\n", 'LF on disk');
	is((stat $file)[9], 1577876400, 'date');
	like($file, qr/,S=14:2,S$/, 'size and flags');
	$c->cmd('SELECT INBOX');
	is(($c->cmd('FETCH 1 (FLAGS INTERNALDATE)'))[0],
		'* 1 FETCH (FLAGS (\Seen Kw) INTERNALDATE " 1-Jan-2020 11:00:00 +0000")', 'as given');
	$c->put("a3 APPEND INBOX.None {3+}\r\nabc\r\n");
	like(($c->reply('a3'))[-1], qr/^NO \[TRYCREATE\]/, 'no such folder');
	$c->put("a4 APPEND {5+}\r\nINBOX {4+}\r\nA: b\r\n");
	@r = $c->reply('a4');
	is_deeply([@r[0, 1]], ['* 2 EXISTS', '* 0 RECENT'], 'told of the new message') or diag explain \@r;
	like($r[-1], qr/^OK \[APPENDUID \d+ 2\]/, 'mailbox as literal');
	$c->put("a5 APPEND INBOX {4+}\r\nA\0 b\r\n");
	like(($c->reply('a5'))[-1], qr/^NO/, 'NUL');
	like(($c->cmd('APPEND INBOX'))[-1], qr/^BAD/, 'no literal');
	is(scalar(@{[glob "$dir/tmp/*"]}), 0, 'nothing left in tmp');

	like(($c->cmd('COPY 1:2 INBOX.Box'))[-1], qr/^OK \[COPYUID \d+ 1:2 1:2\]/, 'copy');
	has('keywords go along', qr/FLAGS \(\\Seen Kw\)/, do { my $d = client($dir); $d->cmd('SELECT INBOX.Box'); my @x = $d->cmd('FETCH 1 FLAGS'); $d->end; @x });
	like(($c->cmd('COPY 2 INBOX'))[-1], qr/^OK \[COPYUID \d+ 2 3\]/, 'to itself');
	like(($c->cmd('COPY 1 INBOX.None'))[-1], qr/^NO \[TRYCREATE\]/, 'trycreate');
	like(($c->cmd('UID COPY 99 INBOX.Box'))[-1], qr/^OK COPY/, 'nothing to copy');
	@r = $c->cmd('MOVE 1 INBOX.Box');
	like($r[0], qr/^\* OK \[COPYUID \d+ 1 3\]/, 'move');
	is($r[1], '* 1 EXPUNGE', 'gone here');
	like($r[-1], qr/^OK/, 'moved');
	@r = $c->cmd('UID MOVE 2:3 INBOX.Box');
	is_deeply([@r[1, 2]], ['* 1 EXPUNGE', '* 1 EXPUNGE'], 'uid move');
	$c->cmd('SELECT INBOX.Box');
	$c->cmd('STORE 1,3,5 +FLAGS.SILENT (\Deleted)');
	is_deeply([$c->cmd('UID EXPUNGE 3')], ['* 3 EXPUNGE', 'OK EXPUNGE completed'], 'uid expunge');
	is_deeply([$c->cmd('EXPUNGE')], ['* 1 EXPUNGE', '* 3 EXPUNGE', 'OK EXPUNGE completed'], 'expunge');
	is_deeply([$c->cmd('UID SEARCH ALL')], ['* SEARCH 2 4', 'OK SEARCH completed'], 'left');
	$c->put("a6 APPEND INBOX.Box {4+}\r\nA: b\r\n");
	like(($c->reply('a6'))[-1], qr/APPENDUID \d+ 6\]/, 'uids are not used again');
	$c->end;
};

# SEARCH: IMAP-0133, CHARSET: IMAP-0134, flags: IMAP-0135, NEW, OLD, RECENT: IMAP-0136, KEYWORD: IMAP-0137,
# addresses and subject: IMAP-0138, HEADER: IMAP-0139, BODY and TEXT: IMAP-0140, by date of arrival: IMAP-0141, by
# Date: IMAP-0142, by size: IMAP-0143, UID and numbers: IMAP-0144, NOT, OR, groups and their depth: IMAP-0145.
subtest 'search' => sub {
	my $dir = maildir();
	put($dir, message(From => 'Ann <ann@example.com>', To => 'bob@example.com', Subject => '=?iso-8859-1?q?Gr=FC=DFe?=',
		Date => 'Mon, 02 Nov 2026 23:30:00 -0500', body => "hello world\n"), flags => 'S', time => 1000000000);
	put($dir, $mime, flags => 'F', time => 1100000000);
	put($dir, message(Subject => 'third', Cc => 'ann@example.com', 'X-Foo' => 'bar', Date => 'Thu, 01 Jan 1970 00:00:00 +0000',
		body => join('', map { 'x' x 70 . "\n" } 1 .. 100)), flags => 'RD', time => 1200000000);
	my $c = client($dir);
	$c->cmd('SELECT INBOX');
	$c->cmd('STORE 3 +FLAGS.SILENT (Kw)');
	my @cases = (
		'ALL' => '1 2 3', '1:2' => '1 2', 'NOT 2' => '1 3', 'UID 2:*' => '2 3', '*' => '3',
		'SEEN' => '1', 'UNSEEN' => '2 3', 'ANSWERED' => '3', 'UNANSWERED' => '1 2', 'DRAFT' => '3', 'UNDRAFT' => '1 2',
		'FLAGGED' => '2', 'UNFLAGGED' => '1 3', 'DELETED' => '', 'UNDELETED' => '1 2 3', 'NEW' => '', 'OLD' => '1 2 3', 'RECENT' => '',
		'KEYWORD kw' => '3', 'UNKEYWORD Kw' => '1 2', 'KEYWORD none' => '',
		'FROM ann' => '1', 'TO BOB' => '1', 'CC ann' => '3', 'BCC x' => '', 'SUBJECT third' => '3',
		'HEADER X-Foo ""' => '3', 'HEADER x-foo BA' => '3', 'HEADER Message-ID mix' => '2',
		'BODY "hello WORLD"' => '1', 'BODY inner' => '2', 'BODY ann' => '', 'TEXT ann' => '1 3', 'TEXT "html inner"' => '2',
		'BEFORE 9-Sep-2001' => '', 'ON 9-Sep-2001' => '1', 'SINCE "10-Sep-2001"' => '2 3', 'BEFORE 1-Jan-2006' => '1 2',
		'SENTON 2-Nov-2026' => '1 2', 'SENTBEFORE 2-Nov-2026' => '3', 'SENTSINCE 1-Nov-2026' => '1 2', 'SENTON 1-Jan-1970' => '3',
		'LARGER 5000' => '3', 'SMALLER 200' => '1', 'NOT (SEEN)' => '2 3', 'OR SEEN FLAGGED' => '1 2',
		'OR (SEEN FROM ann) (NOT SEEN SUBJECT third)' => '1 3', '2:3 UNFLAGGED' => '3', 'NOT NOT SEEN' => '1',
		'CHARSET US-ASCII SUBJECT third' => '3', 'CHARSET UTF-8 ALL' => '1 2 3',
	);
	while (my ($key, $want) = splice @cases, 0, 2) {
		is(($c->cmd("SEARCH $key"))[0], '* SEARCH' . ($want ? " $want" : ''), $key);
	}
	for (['UTF-8', "gr\xc3\xbcsse", '1'], ['ISO-8859-1', "GR\xdc\xdfE", '1'], ['UTF-8', "gr\xc3\xbc\xc3\x9fe", '1']) {
		my ($charset, $word, $want) = @$_;
		$c->put("s1 SEARCH CHARSET $charset SUBJECT {" . length($word) . "+}\r\n$word\r\n");
		is(($c->reply('s1'))[0], "* SEARCH $want", "$charset");
	}
	$c->put("s2 SEARCH CHARSET UTF-8 BODY {7}\r\n");
	like($c->line, qr/^\+/, 'literal');
	$c->put("gr\xc3\xbc\xc3\x9fe\r\n");
	is(($c->reply('s2'))[0], '* SEARCH 2', 'quoted-printable body in another charset');
	has('charset', qr/^NO \[BADCHARSET/, $c->cmd('SEARCH CHARSET frob ALL'));
	has('uid', qr/^\* SEARCH 2$/, $c->cmd('UID SEARCH FLAGGED'));
	$c->cmd('ENABLE UTF8=ACCEPT');
	has('all is UTF-8 then', qr/^BAD/, $c->cmd('SEARCH CHARSET UTF-8 ALL'));
	is(($c->cmd("SEARCH SUBJECT gr\xc3\xbc"))[-1] =~ /^BAD/ ? 1 : 0, 1, 'not as an atom');
	is(($c->cmd("SEARCH SUBJECT \"gr\xc3\xbc\""))[0], '* SEARCH 1', 'but quoted');
	has($_, qr/^BAD/, $c->cmd("SEARCH $_")) for 'FROB', 'NOT', 'OR SEEN', '(SEEN', 'BEFORE 31-Feb-2020', 'SUBJECT', 'LARGER x', 'UID x';
	has('nesting', qr/^NO \[LIMIT\]/, $c->cmd('SEARCH ' . 'NOT ' x 300 . 'SEEN'));
	has('after all that', qr/^OK/, $c->cmd('NOOP'));
	$c->end;
};

# SORT: IMAP-0146, ARRIVAL: IMAP-0147, DATE: IMAP-0148, FROM: IMAP-0149, SUBJECT: IMAP-0152, REVERSE: IMAP-0154.
# THREAD: IMAP-0155 (ORDEREDSUBJECT), IMAP-0156 (REFERENCES), IMAP-0157 (UID THREAD).
subtest 'sort and thread' => sub {
	my $dir = maildir();
	my @m = (
		['Re: apple', 'zoe', '03', '', 'm1'], ['banana', 'adam', '01', '', 'm2'],
		['apple', 'Mia', '02', '', 'm3'], ['[x] Fwd: banana', 'bob', '04', '<m2>', 'm4'],
		['cherry', 'carl', '05', '<lost> <m4>', 'm5'], ['Re: cherry', 'dan', '06', '<m2> <m5>', 'm6'],
	);
	for (@m) {
		my ($subject, $from, $day, $refs, $id) = @$_;
		put($dir, message(Subject => $subject, From => "$from\@example.com", Date => "Mon, $day Nov 2026 10:00:00 +0000",
			'Message-ID' => "<$id>", $refs ? (References => $refs) : (), body => 'x' x $day), flags => '');
	}
	my $c = client($dir);
	$c->cmd('SELECT INBOX');
	my @cases = ('DATE' => '2 3 1 4 5 6', 'REVERSE DATE' => '6 5 4 1 3 2', 'FROM' => '2 4 5 6 3 1', 'SUBJECT' => '1 3 2 4 5 6',
		'SUBJECT DATE' => '3 1 2 4 5 6', 'ARRIVAL' => '1 2 3 4 5 6', 'TO' => '1 2 3 4 5 6', 'CC REVERSE FROM' => '1 3 6 5 4 2');
	while (my ($key, $want) = splice @cases, 0, 2) {
		is(($c->cmd("SORT ($key) UTF-8 ALL"))[0], "* SORT $want", "sort $key");
	}
	is(($c->cmd('UID SORT (DATE) US-ASCII 1:3'))[0], '* SORT 2 3 1', 'uid sort');
	has('bad', qr/^BAD/, $c->cmd('SORT (FROB) UTF-8 ALL'));
	is(($c->cmd('THREAD ORDEREDSUBJECT UTF-8 ALL'))[0], '* THREAD (2 4)(3 1)(5 6)', 'ordered subject');
	is(($c->cmd('THREAD REFERENCES UTF-8 ALL'))[0], '* THREAD (2 4 5 6)(3 1)', 'references');
	is(($c->cmd('THREAD REFERENCES UTF-8 NOT 2'))[0], '* THREAD (3 1)(4 5 6)', 'a parent that is not there');
	is(($c->cmd('UID THREAD REFERENCES UTF-8 1:3'))[0], '* THREAD (2)(3 1)', 'uid');
	has('algorithm', qr/^BAD/, $c->cmd('THREAD FROB UTF-8 ALL'));
	$c->end;
};

# IMAP-0158.
subtest 'idle' => sub {
	my $dir = maildir();
	my ($c, $d) = (client($dir), client($dir));
	$_->cmd('SELECT INBOX') for $c, $d;
	$c->put("i1 IDLE\r\n");
	is($c->line, "+ entering idle mode\r\n", 'idling');
	my $start = time;
	$d->put("a1 APPEND INBOX (Kw) {4+}\r\nA: b\r\n");
	$d->reply('a1');
	is($c->line, "* FLAGS (\\Draft \\Answered \\Flagged \\Deleted \\Seen Kw)\r\n", 'new keyword');
	like($c->line, qr/PERMANENTFLAGS/, 'permanent');
	is($c->line, "* 1 EXISTS\r\n", 'arrival');
	is($c->line, "* 0 RECENT\r\n", 'recent');
	$d->cmd('STORE 1 FLAGS (\Deleted)');
	my $line = $c->line;
	$line = $c->line while $line !~ /Deleted|EXPUNGE/; # name and keywords are two steps
	is($line, "* 1 FETCH (FLAGS (\\Deleted))\r\n", 'flags');
	$d->cmd('EXPUNGE');
	is($c->line, "* 1 EXPUNGE\r\n", 'expunge');
	cmp_ok(time - $start, '<', 10, 'at once');
	$c->put("DONE\r\n");
	is(($c->reply('i1'))[-1], 'OK IDLE completed', 'done');
	$c->put("i2 IDLE\r\n");
	$c->line;
	$c->put("NOOP\r\n");
	like(($c->reply('i2'))[-1], qr/^BAD/, 'something else');
	$_->end for $c, $d;
};

subtest 'two sessions' => sub {
	my $dir = maildir();
	put($dir, message(Subject => $_), flags => '') for 1 .. 4;
	my ($c, $d) = (client($dir), client($dir));
	$_->cmd('SELECT INBOX') for $c, $d;
	$d->cmd('STORE 2 FLAGS (\Deleted)');
	$d->cmd('EXPUNGE');
	my @r = $c->cmd('FETCH 1:4 UID');
	ok(!grep({/EXPUNGE$/} @r), 'no EXPUNGE while numbers are in use') or diag explain \@r;
	has('numbers hold', qr/^\* 4 FETCH \(UID 4\)/, @r);
	@r = $c->cmd('SEARCH ALL');
	is($r[0], '* SEARCH 1 3 4', 'search');
	ok(!grep({/EXPUNGE$/} @r), 'nor in SEARCH');
	is(($c->cmd('UID FETCH 3 UID'))[0], '* 3 FETCH (UID 3)', 'uid commands may tell');
	is(($c->cmd('FETCH 2 UID'))[0], '* 2 FETCH (UID 3)', 'numbers moved on');
	$_->end for $c, $d;
};

# GETQUOTA and GETQUOTAROOT: IMAP-0160, SETQUOTA: IMAP-0161.
subtest 'quota' => sub {
	my $dir = maildir();
	spew("$dir/maildirsize", "2048S,3C\n");
	my $c = client($dir);
	$c->cmd('CREATE INBOX.Box');
	$c->cmd('CREATE INBOX.Trash');
	is(($c->cmd('GETQUOTA ROOT'))[0], '* QUOTA "ROOT" (STORAGE 0 2 MESSAGE 0 3)', 'limits');
	my $big = 'A: ' . 'x' x 1500;
	$c->put('a1 APPEND INBOX {' . length($big) . "+}\r\n$big\r\n");
	like(($c->reply('a1'))[-1], qr/^OK/, 'fits');
	is(($c->cmd('GETQUOTAROOT INBOX.Box'))[1], '* QUOTA "ROOT" (STORAGE 2 2 MESSAGE 1 3)', 'used');
	$c->put('a2 APPEND INBOX {' . length($big) . "+}\r\n$big\r\n");
	like(($c->reply('a2'))[-1], qr/^NO \[OVERQUOTA\]/, 'does not fit');
	$c->cmd('SELECT INBOX');
	like(($c->cmd('COPY 1 INBOX.Box'))[-1], qr/^NO \[OVERQUOTA\]/, 'copy');
	like(($c->cmd('COPY 1 INBOX.Trash'))[-1], qr/^OK/, 'Trash does not count');
	like(($c->cmd('MOVE 1 INBOX.Box'))[-1], qr/^OK/, 'a move needs no room');
	is(($c->cmd('GETQUOTA ROOT'))[0], '* QUOTA "ROOT" (STORAGE 2 2 MESSAGE 1 3)', 'the same');
	$c->cmd('SELECT INBOX.Box');
	$c->cmd('STORE 1 +FLAGS (\Deleted)');
	is(($c->cmd('GETQUOTA ROOT'))[0], '* QUOTA "ROOT" (STORAGE 0 2 MESSAGE 0 3)', 'deleted messages do not count');
	$c->cmd('EXPUNGE');
	is(($c->cmd('GETQUOTA ROOT'))[0], '* QUOTA "ROOT" (STORAGE 0 2 MESSAGE 0 3)', 'nor when they go');
	like(($c->cmd('SETQUOTA ROOT (STORAGE 5)'))[-1], qr/^NO/, 'not by clients');
	like(($c->cmd('GETQUOTA frob'))[-1], qr/^NO/, 'no such root');
	$c->end;
};

subtest 'limits' => sub {
	my $dir = maildir();
	my $c = client($dir);
	$c->put('l1 LIST "" ' . 'x' x 100000 . "\r\n");
	like(($c->reply('l1'))[-1], qr/^BAD \[TOOBIG\]/, 'long line');
	$c->put("l2 SEARCH SUBJECT {100000}\r\n");
	like(($c->reply('l2'))[-1], qr/^BAD \[TOOBIG\]/, 'large literal is not asked for');
	$c->put("l3 LIST \"\" {100000+}\r\n" . 'x' x 100000 . "\r\n");
	like(($c->reply('l3'))[-1], qr/^BAD \[TOOBIG\]/, 'large literal is skipped');
	$c->put("l4 LIST \"\" {99999999999999999999}\r\n");
	like(($c->reply('l4'))[-1], qr/^(BAD|NO)/, 'absurd number');
	is(($c->cmd('NOOP'))[-1], 'OK NOOP completed', 'still there');
	$c->put("l5 NOOP\r\nl6 NOOP\nl7 CAPABILITY\r\n");
	is(($c->reply("l$_"))[-1] =~ /^OK/ ? 1 : 0, 1, "pipelined $_") for 5 .. 7;
	$c->put("b$_ FROB\r\n") for 1 .. 102;
	1 while defined($_ = $c->line) && !/^\* BYE/;
	like($_, qr/Too many errors/, 'nonsense ends');
	$c->end;
};

# XMAGICTRASH: IMAP-0171; EXPUNGE that moves to Trash: IMAP-0116.
subtest 'trash' => sub {
	my $dir = maildir();
	spew("$top/etc/imapd", "IMAP_MOVE_EXPUNGE_TO_TRASH=1\nIMAP_EMPTYTRASH=Trash:0\nIMAP_KEYWORDS=0\nIMAP_ID_FIELDS=\n");
	put($dir, message(Subject => 'x'), flags => 'T');
	my $c = client($dir);
	like($c->{greeting}, qr/XMAGICTRASH/, 'announced');
	like(($c->cmd('ID NIL'))[-1], qr/^BAD/, 'no ID');
	unlike(join('', $c->cmd('SELECT INBOX')), qr/\\\*/, 'no keywords');
	is_deeply([$c->cmd('EXPUNGE')], ['* 1 EXPUNGE', 'OK EXPUNGE completed'], 'expunge');
	my @kept = glob "$dir/.Trash/cur/*";
	is(scalar(@kept), 1, 'moved to Trash');
	like($kept[0], qr/:2,$/, 'not deleted there');
	sleep 2;
	$c->cmd('LOGOUT');
	$c->end;
	is(scalar(@{[glob "$dir/.Trash/cur/*"]}), 0, 'purged at logout');
	unlink "$top/etc/imapd";
};

done_testing;
