#!/usr/bin/perl
# The original's IMAP, where imap-shell.t leaves something to show.  Rows of tests/parity/access.tsv.
use strict;
use warnings;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Courier::ImapPipe;

subtest 'LIST: new mail, old clients' => sub {
	my $dir = maildir();
	my $c = client($dir);
	$c->cmd("CREATE INBOX.$_") for qw(a a.b c);
	put($dir, message(Subject => 1));
	put("$dir/.c", message(Subject => 1));
	my @r = $c->cmd('LIST "" *');
	has('IMAP-0105: INBOX with new mail', qr/^\* LIST \(\\Marked \\HasChildren\) "\." "INBOX"$/, @r);
	has('IMAP-0105: other folders are not looked at', qr/^\* LIST \(\\HasNoChildren\) "\." "INBOX.c"$/, @r);
	$c->end;
	settings("IMAP_CHECK_ALL_FOLDERS=1\nIMAP_OBSOLETE_CLIENT=1\n");
	$c = client($dir);
	@r = $c->cmd('LIST "" *');
	has('IMAP-0105: unless told so', qr/^\* LIST \(\\Marked \\NoInferiors\) "\." "INBOX.c"$/, @r);
	has('IMAP-0105: no new mail', qr/^\* LIST \(\\Unmarked \\NoInferiors\) "\." "INBOX.a.b"$/, @r);
	$c->end;
	unlink top() . '/etc/imapd';
};

subtest 'folders' => sub {
	my $dir = maildir();
	my $c = client($dir);
	has('IMAP-0108: trailing separator', qr/^OK/, $c->cmd('CREATE INBOX.x.'));
	ok(-d "$dir/.x/cur", 'IMAP-0108: made');
	$c->cmd('CREATE INBOX.x.y');
	$c->cmd('SUBSCRIBE INBOX.x.y');
	is(slurp("$dir/courierimapsubscribed"), "INBOX.x.y\n", 'IMAP-0111: the file');
	has('IMAP-0110: to another hierarchy', qr/^NO/, $c->cmd('RENAME INBOX.x #shared.x'));
	has('IMAP-0110: with sub-folders', qr/^OK/, $c->cmd('RENAME INBOX.x INBOX.z'));
	ok(-d "$dir/.z/cur" && -d "$dir/.z.y/cur" && !-d "$dir/.x", 'IMAP-0110: both moved');
	has('IMAP-0110: what does not exist', qr/^NO/, $c->cmd('RENAME INBOX.x INBOX.q'));
	has('IMAP-0109: not there', qr/^NO/, $c->cmd('DELETE INBOX.q'));
	has('IMAP-0109: deleted', qr/^OK/, $c->cmd('DELETE INBOX.z'));
	ok(-d "$dir/.z.y/cur", 'IMAP-0109: what is below stays');
	$c->end;
};

my $raw = "From: J\xc3\xbcrgen <j\xc3\xbc\@ex\xc3\xa4mple.com>\nTo: plain\@example.com\nSubject: Gr\xc3\xbc\xc3\x9fe\n\nbody\n";

subtest 'UTF-8 headers' => sub {
	my $dir = maildir();
	put($dir, $raw, flags => '');
	put($dir, "Subject: Gr\xfc\n\n", flags => '');
	my $c = client($dir);
	$c->cmd('SELECT INBOX');
	my ($line) = $c->cmd('FETCH 1 ENVELOPE');
	unlike($line, qr/[\x80-\xff]/, 'IMAP-0159: no raw bytes for a client that did not ask');
	like($line, qr/"=\?utf-8\?Q\?J=C3=BCrgen\?="|"=\?utf-8\?B\?SsO8cmdlbg==\?="/i, 'IMAP-0122: an encoded word') or diag $line;
	like($line, qr/"xn--exmple-cua\.com"/, 'IMAP-0122: the domain as A-label');
	unlike(($c->cmd('FETCH 2 ENVELOPE'))[0], qr/[\x80-\xff]/, 'IMAP-0122: nor when it is no UTF-8');
	my $whole = ($c->cmd('FETCH 1 BODY.PEEK[]'))[0];
	(my $wire = $raw) =~ s/\n/\r\n/g;
	is($whole, '* 1 FETCH (BODY[] {' . length($wire) . "}\r\n$wire)", 'IMAP-0159: the message is what it is');
	$c->put("u1 APPEND INBOX UTF8 (~{8+}\r\nA: b\r\n\r\n)\r\n");
	like(($c->reply('u1'))[-1], qr/^BAD/, 'IMAP-0114: UTF8 is not enabled');
	has('IMAP-0159: enabled', qr/^\* ENABLED UTF8=ACCEPT$/, $c->cmd('ENABLE UTF8=ACCEPT'));
	like(($c->cmd('FETCH 1 ENVELOPE'))[0], qr/"Gr\xc3\xbc\xc3\x9fe" \(\("J\xc3\xbcrgen" NIL "j\xc3\xbc" "ex\xc3\xa4mple.com"\)\)/,
		'IMAP-0159: as it is');
	like(($c->cmd('FETCH 2 ENVELOPE'))[0], qr/\{3\}\r\nGr\xfc/, 'IMAP-0159: what is no UTF-8 is not quoted');
	$c->put('u2 APPEND INBOX (\Seen) UTF8 (~{' . length($wire) . "+}\r\n$wire)\r\n");
	like(($c->reply('u2'))[-1], qr/^OK \[APPENDUID \d+ 3\]/, 'IMAP-0114: UTF8 form');
	like(($c->cmd('FETCH 3 BODY.PEEK[]'))[0], qr/\r\n\Q$wire\E\)$/, 'IMAP-0114: kept');
	has('IMAP-0134: no CHARSET then', qr/^BAD/, $c->cmd('SEARCH CHARSET UTF-8 ALL'));
	$c->end;
};

subtest 'SORT by what is left' => sub {
	my $dir = maildir();
	my @m = (['b', 'z', 'x' x 30], ['c', 'y', 'x'], ['a', 'x', 'x' x 60]);
	put($dir, message(To => "$_->[0]\@example.com", Cc => "$_->[1]\@example.com", body => "$_->[2]\n"), flags => '') for @m;
	my $c = client($dir);
	$c->cmd('SELECT INBOX');
	is(($c->cmd('SORT (TO) UTF-8 ALL'))[0], '* SORT 3 1 2', 'IMAP-0150: TO');
	is(($c->cmd('SORT (CC) UTF-8 ALL'))[0], '* SORT 3 2 1', 'IMAP-0151: CC');
	is(($c->cmd('SORT (SIZE) UTF-8 ALL'))[0], '* SORT 2 1 3', 'IMAP-0153: SIZE');
	is(($c->cmd('SORT (REVERSE SIZE TO) UTF-8 ALL'))[0], '* SORT 3 1 2', 'IMAP-0154: REVERSE');
	has("IMAP-0146: $_", qr/^BAD/, $c->cmd("SORT $_")) for '() UTF-8 ALL', '(REVERSE) UTF-8 ALL', '(DATE) UTF-8', '(DATE)';
	$c->end;
	settings("IMAP_DISABLETHREADSORT=1\n");
	$c = client($dir);
	like($c->{greeting}, qr/ SORT /, 'IMAP-0146: still announced');
	$c->cmd('SELECT INBOX');
	has('IMAP-0146: but refused', qr/^NO/, $c->cmd('SORT (DATE) UTF-8 ALL'));
	has('IMAP-0155: as is THREAD', qr/^NO/, $c->cmd('THREAD ORDEREDSUBJECT UTF-8 ALL'));
	$c->end;
	unlink top() . '/etc/imapd';
};

subtest 'quota' => sub {
	my $dir = maildir();
	spew("$dir/maildirsize", "300S,10C\n");
	my $c = client($dir);
	$c->cmd('CREATE INBOX.Trash');
	put("$dir/.Trash", message(Subject => $_, body => 'x' x 250 . "\n"), flags => 'S') for 1 .. 2;
	put($dir, message(Subject => $_, body => 'x' x 250 . "\n"), flags => 'T') for 1 .. 2;
	$c->cmd('SELECT INBOX');
	has('IMAP-0131: one fits', qr/^OK/, $c->cmd('STORE 1 -FLAGS (\Deleted)'));
	has('IMAP-0131: undeleting the other is over quota', qr/^NO \[OVERQUOTA\]/, $c->cmd('STORE 2 -FLAGS (\Deleted)'));
	$c->cmd('SELECT INBOX.Trash');
	has('IMAP-0132: out of Trash', qr/^NO \[OVERQUOTA\]/, $c->cmd('COPY 1 INBOX'));
	my $big = 'x' x 100;
	$c->put("q1 APPEND INBOX {102}\r\n");
	like(($c->reply('q1'))[-1], qr/^NO \[OVERQUOTA\]/, 'IMAP-0114: refused before the message is sent');
	has('IMAP-0160: no quota', qr/^\* QUOTA "ROOT" \(\)$/, do { my $d = client(maildir()); my @x = $d->cmd('GETQUOTA ROOT'); $d->end; @x });
	has('IMAP-0161: not by clients', qr/^NO/, $c->cmd('SETQUOTA "ROOT" (STORAGE 512)'));
	$c->end;
};

subtest 'what is announced' => sub {
	my $c = client(maildir());
	my ($line) = $c->cmd('CAPABILITY');
	like($line, qr/ \Q$_\E( |$)/, "IMAP-0169: $_")
		for qw(CHILDREN UIDPLUS QUOTA SORT THREAD=ORDEREDSUBJECT THREAD=REFERENCES IDLE NAMESPACE);
	unlike($line, qr/XMAGICTRASH|XCOURIEROUTBOX/, 'IMAP-0170, IMAP-0171: not unasked');
	has('IMAP-0168: name alone', qr/^\* ID \("name" "[^"]+"\)$/, $c->cmd('ID NIL'));
	has("IMAP-0168: $_", qr/^BAD/, $c->cmd("ID $_")) for '', 'x', '("a")', '("a" "b"', '(a b)';
	$c->end;
	settings("IMAP_ID_FIELDS=7\n");
	$c = client(maildir());
	has('IMAP-0168: all', qr/"version" "[^"]+" "os" "Linux" "os-version" "/, $c->cmd('ID ("name" "x")'));
	$c->end;
	settings("IMAP_ID_FIELDS=\n");
	$c = client(maildir());
	unlike($c->{greeting}, qr/ ID\b/, 'IMAP-0168: off');
	has('IMAP-0168: and unknown', qr/^BAD/, $c->cmd('ID NIL'));
	$c->end;
	unlink top() . '/etc/imapd';
};

subtest 'IDLE, CLOSE' => sub {
	my $dir = maildir();
	my $c = client($dir);
	$c->put("i1 IDLE\r\n");
	is($c->line, "+ entering idle mode\r\n", 'IMAP-0158: without a folder');
	$c->put("done\r\n");
	is(($c->reply('i1'))[-1], 'OK IDLE completed', 'IMAP-0158: ended');
	$c->cmd('SELECT INBOX');
	$c->put("i2 IDLE\r\n");
	$c->line;
	put($dir, message(Subject => 'x'));
	is($c->line, "* 1 EXISTS\r\n", 'IMAP-0158: a delivery');
	is($c->line, "* 1 RECENT\r\n", 'IMAP-0158: recent');
	$c->put("DONE\r\n");
	$c->reply('i2');
	$c->cmd('STORE 1 FLAGS.SILENT (\Deleted)');
	is_deeply([$c->cmd('CLOSE')], ['OK CLOSE completed'], 'IMAP-0115: without EXPUNGE');
	is(scalar(@{[glob "$dir/cur/*"]}), 0, 'IMAP-0115: but gone');
	$c->cmd('EXAMINE INBOX');
	put($dir, message(Subject => 'x'), flags => 'T');
	$c->cmd('CLOSE');
	is(scalar(@{[glob "$dir/cur/*"]}), 1, 'IMAP-0115: not when read-only');
	$c->end;
};

done_testing;
