#!/usr/bin/perl
# What the original does not have: the extensions that clients of today look for.
use strict;
use warnings;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Courier::ImapPipe;
use MIME::Base64 ();

sub names { return join ' ', map {/"\." "INBOX\.?([^"]*)"/ ? $1 || 'INBOX' : ()} @_ }

subtest 'LIST-EXTENDED (RFC 5258)' => sub {
	my $dir = maildir();
	my $c = client($dir);
	$c->cmd("CREATE INBOX.$_") for qw(a a.b a.b.c x.y Sent);
	$c->cmd("SUBSCRIBE INBOX.$_") for qw(a.b.c Sent x.y);
	$c->cmd('DELETE INBOX.x.y');
	my @r = $c->cmd('LIST (SUBSCRIBED) "" *');
	is(names(@r), 'Sent a.b.c x.y', 'subscribed ones alone');
	has('a subscription without folder', qr/^\* LIST \(\\NonExistent \\Subscribed \\HasNoChildren\) "\." "INBOX.x.y"$/, @r);
	@r = $c->cmd('LIST (SUBSCRIBED RECURSIVEMATCH) "" INBOX.%');
	is(names(@r), 'Sent a x', 'parents of subscribed ones');
	has('say so', qr/"INBOX.a" \("CHILDINFO" \("SUBSCRIBED"\)\)$/, @r);
	@r = $c->cmd('LIST (SUBSCRIBED RECURSIVEMATCH) "" *');
	is(names(@r), 'Sent a.b.c x.y', 'not when all of them are shown');
	has('RECURSIVEMATCH goes with SUBSCRIBED', qr/^BAD/, $c->cmd('LIST (RECURSIVEMATCH SPECIAL-USE) "" *'));
	@r = $c->cmd('LIST (SUBSCRIBED RECURSIVEMATCH) "" INBOX.%');
	has('a leaf does not', qr/"INBOX.Sent"$/, @r);
	@r = $c->cmd('LIST "" (INBOX.a INBOX.x% "INBOX.a.%") RETURN (SUBSCRIBED CHILDREN)');
	is(names(@r), 'a a.b', 'several patterns');
	has('children', qr/\\HasChildren\) "\." "INBOX.a.b"$/, @r);
	@r = $c->cmd('LIST "" INBOX.% RETURN (SUBSCRIBED)');
	has('subscriptions shown', qr/\\Subscribed .*"INBOX.Sent"$/, @r);
	ok(!grep({/\\Subscribed .*"INBOX.a"$/} @r), 'and no others');
	is(names($c->cmd('LIST (REMOTE) "" INBOX.S%')), 'Sent', 'there are no remote ones to leave out');
	is(names($c->cmd('LIST () "" INBOX.S%')), 'Sent', 'no selection');
	is(scalar(@{[$c->cmd('LIST "" ("")')]}), 1, 'no root line in the extended form');
	has($_, qr/^BAD/, $c->cmd("LIST $_"))
		for '(RECURSIVEMATCH) "" *', '(FROB) "" *', '"" () RETURN (CHILDREN)', '"" * RETURN (FROB)',
		'"" * RETURN', '(SUBSCRIBED "" *', '"" (a b', '"" * RETURN (STATUS)', '"" * FROB ()';
	has('LSUB has no such form', qr/^BAD/, $c->cmd('LSUB (SUBSCRIBED) "" *'));
	has('too many patterns', qr/^BAD/, $c->cmd('LIST "" (' . join(' ', ('a') x 33) . ')'));
	$c->end;
};

subtest 'LIST-STATUS (RFC 5819), STATUS=SIZE (RFC 8438)' => sub {
	my $dir = maildir();
	my $c = client($dir);
	$c->cmd('CREATE INBOX.a.b');
	my $text = "Subject: x\n\na\nb\n";
	put($dir, $text, flags => 'S');
	put($dir, $text, flags => 'T');
	put("$dir/.a.b", "Subject: x\r\n\r\na\r\n", flags => '');
	my @r = $c->cmd('LIST "" * RETURN (STATUS (MESSAGES UNSEEN SIZE DELETED))');
	is_deeply([@r[0, 1]], ['* LIST (\Unmarked \HasChildren) "." "INBOX"', '* STATUS "INBOX" (MESSAGES 2 UNSEEN 1 DELETED 1 SIZE 40)'],
		'each with its status') or diag explain \@r;
	has('no folder, no status', qr/\\NonExistent/, $r[2]);
	is($r[4], '* STATUS "INBOX.a.b" (MESSAGES 1 UNSEEN 1 DELETED 0 SIZE 17)', 'a file with CRLF');
	$c->cmd('SELECT INBOX');
	my $sum = 0;
	/RFC822.SIZE (\d+)/ and $sum += $1 for $c->cmd('FETCH 1:* RFC822.SIZE');
	is($sum, 40, 'SIZE is what FETCH says');
	has('no limit', qr/\(APPENDLIMIT NIL\)/, $c->cmd('STATUS INBOX (APPENDLIMIT)'));
	$c->end;
};

subtest 'SPECIAL-USE and CREATE-SPECIAL-USE (RFC 6154)' => sub {
	my $dir = maildir();
	my $c = client($dir);
	has('create', qr/^OK/, $c->cmd('CREATE INBOX.Gesendet (USE (\Sent))'));
	$c->cmd('CREATE INBOX.Drafts');
	$c->cmd('CREATE INBOX.Trash');
	$c->cmd('CREATE INBOX.Other');
	my @r = $c->cmd('LIST (SPECIAL-USE) "" * RETURN (SPECIAL-USE)');
	is(names(@r), 'Drafts Gesendet Trash', 'those alone');
	has('its use', qr/\(\\Sent \\HasNoChildren\) "\." "INBOX.Gesendet"/, @r);
	$c->cmd('RENAME INBOX.Gesendet INBOX.New');
	has('renamed', qr/\\Sent .*"INBOX.New"/, $c->cmd('LIST "" *'));
	$c->end;
	$c = client($dir);
	has('kept', qr/\\Sent .*"INBOX.New"/, $c->cmd('LIST "" *'));
	$c->cmd('SELECT INBOX.New');
	$c->cmd('UNSELECT');
	ok(-e "$dir/.New/courierimapmodseq", 'mod-sequences are kept');
	$c->cmd('DELETE INBOX.New');
	ok(!-e "$dir/.New", 'and go with the folder');
	$c->cmd('CREATE INBOX.New');
	ok(!grep({/\\Sent .*"INBOX.New"/} $c->cmd('LIST "" *')), 'forgotten with the folder');
	has($_, qr/^NO \[USEATTR\]/, $c->cmd("CREATE INBOX.q (USE ($_))")) for '\All', '\Trash', '\Frob', '\Sent \Junk';
	ok(!-d "$dir/.q", 'nothing made');
	has($_, qr/^BAD/, $c->cmd("CREATE INBOX.q $_")) for '(USE)', '(USE ())', '(USE (Sent))', 'x', '(USE (\Sent)', '(USE (\Sent)) x';
	$c->end;
};

subtest 'ESEARCH (RFC 4731)' => sub {
	my $dir = maildir();
	put($dir, message(Subject => $_), flags => $_ == 4 ? '' : 'S') for 1 .. 9;
	my $c = client($dir);
	$c->cmd('SELECT INBOX');
	$c->cmd('STORE 2 FLAGS.SILENT (\Deleted \Seen)');
	$c->cmd('EXPUNGE');
	my @cases = (
		'RETURN (MIN) SEEN' => 'MIN 1', 'RETURN (MAX COUNT) SEEN' => 'MAX 8 COUNT 7', 'RETURN () SEEN' => 'ALL 1:2,4:8',
		'RETURN (ALL) UNSEEN' => 'ALL 3', 'RETURN (MIN MAX ALL COUNT) DELETED' => 'COUNT 0', 'RETURN (MIN) DELETED' => '',
		'RETURN (COUNT) CHARSET UTF-8 ALL' => 'COUNT 8',
	);
	while (my ($key, $want) = splice @cases, 0, 2) {
		my ($line) = $c->cmd("SEARCH $key");
		is($line, "* ESEARCH (TAG \"t$c->{n}\")" . ($want ? " $want" : ''), $key);
	}
	is(($c->cmd('UID SEARCH RETURN (MIN MAX ALL) SEEN'))[0], "* ESEARCH (TAG \"t$c->{n}\") UID MIN 1 MAX 9 ALL 1,3,5:9", 'uids');
	has($_, qr/^BAD/, $c->cmd("SEARCH $_")) for 'RETURN (FROB) ALL', 'RETURN ALL', 'RETURN (MIN)', 'RETURN (MIN', 'RETURN';
	$c->end;
};

subtest 'SEARCHRES (RFC 5182)' => sub {
	my $dir = maildir();
	put($dir, message(Subject => $_), flags => $_ % 2 ? 'S' : '') for 1 .. 6;
	my $c = client($dir);
	$c->cmd('SELECT INBOX');
	is_deeply([$c->cmd('FETCH $ UID')], ['OK FETCH completed'], 'nothing saved yet');
	is_deeply([$c->cmd('SEARCH RETURN (SAVE) SEEN')], ['OK SEARCH completed'], 'save says nothing else');
	is_deeply([map {/UID (\d)/} $c->cmd('FETCH $ UID')], [1, 3, 5], 'fetch');
	is(($c->cmd('SEARCH $ 2:4'))[0], '* SEARCH 3', 'in a search');
	is(($c->cmd('UID SEARCH UID $'))[0], '* SEARCH 1 3 5', 'as uids');
	is(($c->cmd('SEARCH NOT $'))[0], '* SEARCH 2 4 6', 'negated');
	$c->cmd('STORE 1 +FLAGS.SILENT (\Deleted)');
	$c->cmd('EXPUNGE');
	is_deeply([map {/^\* (\d)/} $c->cmd('STORE $ FLAGS (\Flagged)')], [2, 4], 'numbers that moved');
	has('alone in a set', qr/^BAD/, $c->cmd('FETCH $,1 UID'));
	$c->cmd('CREATE INBOX.Box');
	like(($c->cmd('COPY $ INBOX.Box'))[-1], qr/^OK \[COPYUID \d+ 3,5 1:2\]/, 'copy');
	$c->cmd('SEARCH CHARSET frob RETURN (SAVE) ALL');
	has('bad command leaves it', qr/UID 3/, $c->cmd('FETCH $ UID'));
	is(($c->cmd('SEARCH RETURN (SAVE MIN) ALL'))[0], "* ESEARCH (TAG \"t$c->{n}\") MIN 1", 'save and tell');
	is_deeply([map {/UID (\d)/} $c->cmd('FETCH $ UID')], [2], 'the least alone');
	has('refused', qr/^NO \[BADCHARSET/, $c->cmd('SEARCH RETURN (SAVE) CHARSET frob ALL'));
	is_deeply([$c->cmd('FETCH $ UID')], ['OK FETCH completed'], 'a NO empties it');
	$c->cmd('SEARCH RETURN (SAVE) ALL');
	like(($c->cmd('MOVE $ INBOX.Box'))[0], qr/COPYUID \d+ 2:6 3:7/, 'move');
	$c->cmd('SEARCH RETURN (SAVE) ALL');
	$c->cmd('SELECT INBOX.Box');
	is_deeply([$c->cmd('FETCH $ UID')], ['OK FETCH completed'], 'another folder');
	$c->cmd('STORE 1:3 +FLAGS.SILENT (\Deleted)');
	$c->cmd('SEARCH RETURN (SAVE) 1');
	is_deeply([$c->cmd('UID EXPUNGE $')], ['* 1 EXPUNGE', 'OK EXPUNGE completed'], 'uid expunge');
	$c->end;
};

subtest 'WITHIN (RFC 5032), SAVEDATE (RFC 8514)' => sub {
	my $dir = maildir();
	put($dir, message(Subject => 1), flags => '', time => time - 1000);
	put($dir, message(Subject => 2), flags => '', time => time - 100000);
	my $c = client($dir);
	$c->cmd('SELECT INBOX');
	is(($c->cmd('SEARCH YOUNGER 3600'))[0], '* SEARCH 1', 'younger');
	is(($c->cmd('SEARCH OLDER 3600'))[0], '* SEARCH 2', 'older');
	has($_, qr/^BAD/, $c->cmd("SEARCH $_")) for 'OLDER', 'OLDER 0', 'YOUNGER x', 'OLDER 99999999999';
	like(($c->cmd('FETCH 1 SAVEDATE'))[0], qr/^\* 1 FETCH \(SAVEDATE "1[45]-Nov-2023 \d\d:\d\d:\d\d \+0000"\)$/, 'savedate');
	is(($c->cmd('SEARCH SAVEDBEFORE 1-Jan-2024'))[0], '* SEARCH 1 2', 'before');
	is(($c->cmd('SEARCH SAVEDSINCE 1-Jan-2024'))[0], '* SEARCH', 'since');
	is(($c->cmd('SEARCH SAVEDON 14-Nov-2023'))[0], '* SEARCH 1 2', 'on');
	is(($c->cmd('SEARCH SAVEDATESUPPORTED'))[0], '* SEARCH 1 2', 'supported');
	$c->cmd('COPY 1 INBOX');
	like(($c->cmd('SEARCH SAVEDSINCE 1-Jan-2024'))[0], qr/^\* SEARCH 3$/, 'a copy is saved now');
	$c->cmd('STORE 1 FLAGS (\Flagged)');
	like(($c->cmd('FETCH 1 SAVEDATE'))[0], qr/Nov-2023/, 'flags change nothing');
	spew("$dir/cur/odd.name:2,", "A: b\n\n");
	$c->cmd('NOOP');
	has('a name without time', qr/SAVEDATE NIL/, $c->cmd('FETCH 4 SAVEDATE'));
	$c->end;
};

subtest 'BINARY (RFC 3516)' => sub {
	my $dir = maildir();
	put($dir, <<'END', flags => '');
Subject: x
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

a=3Db=0Ac
d
--b
Content-Transfer-Encoding: base64
Content-Type: application/octet-stream

AAECDQoK
--b
Content-Type: application/x
Content-Transfer-Encoding: x-frob

zz
--b--
END
	my $c = client($dir);
	$c->cmd('SELECT INBOX');
	is(($c->cmd('FETCH 1 BINARY.PEEK[1]'))[0], "* 1 FETCH (BINARY[1] {8}\r\na=b\nc\r\nd)", 'quoted-printable');
	is(($c->cmd('FETCH 1 BINARY.SIZE[1]'))[0], '* 1 FETCH (BINARY.SIZE[1] 8)', 'its size');
	is(($c->cmd('FETCH 1 BINARY.PEEK[2]'))[0], "* 1 FETCH (BINARY[2] ~{6}\r\n\0\1\2\r\n\n)", 'bytes as they were');
	is(($c->cmd('FETCH 1 BINARY.PEEK[2]<1.2>'))[0], "* 1 FETCH (BINARY[2]<1> ~{2}\r\n\1\2)", 'a range');
	is(($c->cmd('FETCH 1 BINARY.PEEK[2]<9.2>'))[0], "* 1 FETCH (BINARY[2]<9> ~{0}\r\n)", 'past the end');
	is(($c->cmd('FETCH 1 (BINARY.PEEK[9] BINARY.SIZE[9])'))[0], '* 1 FETCH (BINARY[9] NIL BINARY.SIZE[9] 0)', 'no such part');
	has('unknown encoding', qr/^NO \[UNKNOWN-CTE\]/, $c->cmd('FETCH 1 BINARY.PEEK[3]'));
	has('a peek', qr/FLAGS \(\)/, $c->cmd('FETCH 1 FLAGS'));
	has('no peek', qr/FLAGS \(\\Seen\)/, $c->cmd('FETCH 1 BINARY[1]'));
	has('whole message', qr/BINARY\[\] \{\d+\}\r\nSubject: x\r\n/, $c->cmd('FETCH 1 BINARY.PEEK[]'));
	has($_, qr/^BAD/, $c->cmd("FETCH 1 $_")) for 'BINARY[TEXT]', 'BINARY', 'BINARY.SIZE[1]<0.1>', 'BINARY[1.MIME]', 'BINARY[0]';

	my $long = join '', map {chr(33 + $_ % 90)} 1 .. 200_000;
	my $coded = MIME::Base64::encode_base64($long);
	put($dir, "Content-Transfer-Encoding: base64\n\n$coded", flags => '');
	put($dir, "Content-Transfer-Encoding: quoted-printable\n\n" . '=3D' x 25 . "=\n" x 1 . join("=\n", ('=3D' x 24) x 4000) . "\n", flags => '');
	$c->cmd('NOOP');
	is(($c->cmd('FETCH 2 BINARY.PEEK[1]'))[0], "* 2 FETCH (BINARY[1] {200000}\r\n$long)", 'more than one slice');
	is(($c->cmd('FETCH 2 BINARY.PEEK[1]<99990.20>'))[0], '* 2 FETCH (BINARY[1]<99990> {20}' . "\r\n" . substr($long, 99990, 20) . ')', 'a range of it');
	is(($c->cmd('FETCH 3 BINARY.PEEK[1]'))[0], '* 3 FETCH (BINARY[1] {96027}' . "\r\n" . '=' x 96025 . "\r\n)", 'quoted-printable, too');
	$c->cmd('STORE 2:3 FLAGS.SILENT (\Deleted)');
	$c->cmd('EXPUNGE');

	my $bytes = join '', map {chr} 0 .. 255, 13, 10, 13;
	my $text = "Subject: bin\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=q\r\n\r\n--q\r\n"
		. "Content-Type: application/x-y\r\nContent-Transfer-Encoding: binary\r\n\r\n$bytes\r\n--q--\r\n";
	$c->put('b1 APPEND INBOX (\Seen) ~{' . length($text) . "+}\r\n$text\r\n");
	like(($c->reply('b1'))[-1], qr/^OK \[APPENDUID/, 'append');
	is(($c->cmd('FETCH 2 BINARY.PEEK[1]'))[0], '* 2 FETCH (BINARY[1] ~{' . length($bytes) . "}\r\n$bytes)", 'comes back byte for byte');
	my ($file) = grep {slurp($_) =~ /x-y/} glob "$dir/cur/*";
	unlike(slurp($file), qr/[\0\r]/, 'the file is lines of text');
	has('size', qr/BINARY.SIZE\[1\] 259/, $c->cmd('FETCH 2 BINARY.SIZE[1]'));
	my $plain = "Subject: p\r\n\r\nnothing binary\r\n";
	$c->put('b2 APPEND INBOX ~{' . length($plain) . "+}\r\n$plain\r\n");
	like(($c->reply('b2'))[-1], qr/^OK \[APPENDUID/, 'text as literal8');
	is(($c->cmd('FETCH 3 BODY.PEEK[]'))[0], '* 3 FETCH (BODY[] {' . length($plain) . "}\r\n$plain)", 'is what it was');
	my $bad = "Subject: p\r\n\r\nnot declared \0\r\n";
	$c->put('b3 APPEND INBOX ~{' . length($bad) . "+}\r\n$bad\r\n");
	like(($c->reply('b3'))[-1], qr/^OK \[APPENDUID/, 'a NUL in what is called text');
	is(($c->cmd('FETCH 4 BINARY.PEEK[1]'))[0], "* 4 FETCH (BINARY[1] ~{16}\r\nnot declared \0\r\n)", 'is kept, too');
	ok(!grep({slurp($_) =~ /\0/} glob "$dir/cur/*"), 'but not in a file');
	my $cr = "Subject: a\rb\r\n\r\nx\r\n";
	$c->put('b4 APPEND INBOX ~{' . length($cr) . "+}\r\n$cr\r\n");
	like(($c->reply('b4'))[-1], qr/^NO \[UNKNOWN-CTE\]/, 'a CR alone where nothing can be encoded');
	is(scalar(@{[glob "$dir/tmp/*"]}), 0, 'nothing left behind');
	$c->end;
};

subtest 'PREVIEW (RFC 8970)' => sub {
	my $dir = maildir();
	put($dir, message(Subject => 1, body => "> quoted\n\nHello,\n  dear \tworld.\n"), flags => '');
	put($dir, message(Subject => 2, 'Content-Type' => 'text/html; charset=iso-8859-1', 'Content-Transfer-Encoding' => 'quoted-printable',
		body => "<html><head><title>t</title><style>p {x}</style></head><body><!-- no --><p>Gr=FC=DFe &amp; mehr</p></body></html>\n"), flags => '');
	put($dir, message(Subject => 3, 'Content-Type' => 'image/png', body => "xx\n"), flags => '');
	put($dir, message(Subject => 4, 'Content-Type' => 'text/plain; charset=utf-8', body => "\xc3\xa4" x 500 . "\n"), flags => '');
	my $c = client($dir);
	$c->cmd('SELECT INBOX');
	is(($c->cmd('FETCH 1 PREVIEW'))[0], '* 1 FETCH (PREVIEW "Hello, dear world.")', 'text');
	is(($c->cmd('FETCH 1 (PREVIEW (LAZY) UID)'))[0], '* 1 FETCH (PREVIEW "Hello, dear world." UID 1)', 'lazy');
	is(($c->cmd('FETCH 2 PREVIEW'))[0], "* 2 FETCH (PREVIEW {14}\r\nGr\xc3\xbc\xc3\x9fe & mehr)", 'html');
	is(($c->cmd('FETCH 3 PREVIEW'))[0], '* 3 FETCH (PREVIEW "")', 'no text');
	is(($c->cmd('FETCH 4 PREVIEW'))[0], "* 4 FETCH (PREVIEW {400}\r\n" . "\xc3\xa4" x 200 . ')', 'two hundred characters');
	has('not seen by that', qr/FLAGS \(\)/, $c->cmd('FETCH 1 FLAGS'));
	has('bad', qr/^BAD/, $c->cmd('FETCH 1 PREVIEW (FROB)'));
	$c->end;
};

subtest 'APPENDLIMIT (RFC 7889) and what CAPABILITY says' => sub {
	settings("IMAP_APPEND_MAX=1000\n");
	my $dir = maildir();
	my $c = client($dir);
	like($c->{greeting}, qr/ APPENDLIMIT=1000[ \]]/, 'the limit');
	has('status', qr/\(APPENDLIMIT 1000\)/, $c->cmd('STATUS INBOX (APPENDLIMIT)'));
	$c->put("l1 APPEND INBOX {1001}\r\n");
	like(($c->reply('l1'))[-1], qr/^NO \[TOOBIG\]/, 'refused before it is sent');
	$c->end;
	settings("IMAP_CAPABILITY=\"IMAP4rev1 FROB\"\n");
	$c = client($dir);
	like($c->{greeting}, qr/CAPABILITY IMAP4rev1 FROB ACL ACL2=UNION( ID)?\]/, 'the administrator has the last word');
	$c->end;
	unlink top() . '/etc/imapd';
	$c = client($dir);
	my ($line) = $c->cmd('CAPABILITY');
	like($line, qr/ \Q$_\E( |$)/, $_) for qw(MOVE SPECIAL-USE CREATE-SPECIAL-USE ESEARCH SEARCHRES WITHIN UNSELECT LITERAL+
		LIST-EXTENDED LIST-STATUS STATUS=SIZE BINARY ENABLE APPENDLIMIT SAVEDATE PREVIEW);
	$c->end;
};

done_testing;
