#!/usr/bin/perl
# CONDSTORE and QRESYNC (RFC 7162), also when other programs change the Maildir.
use strict;
use warnings;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Courier::ImapPipe;

sub highest {
	/HIGHESTMODSEQ (\d+)/ and return $1 for @_;
	return 0;
}

sub modseqs { return map {/MODSEQ \((\d+)\)/ ? $1 : ()} @_ }

sub box {
	my ($n) = @_;
	my $dir = maildir();
	put($dir, message(Subject => $_), flags => '') for 1 .. $n;
	return $dir;
}

subtest 'CONDSTORE' => sub {
	my $dir = box(4);
	my $c = client($dir);
	my $h = highest($c->cmd('SELECT INBOX'));
	ok($h > 0, 'SELECT names the highest');
	$c->end;
	unlike(slurp("$dir/courierimapmodseq"), qr/\n\d+ \d+ [0-9a-f]+\n/, 'and compares no messages for it');
	my $b = client($dir);
	ok(highest($b->cmd('SELECT INBOX (CONDSTORE)')) > $h, 'they get numbers at the first use');
	$b->end;
	$c = client($dir);
	my @r = $c->cmd('SELECT INBOX');
	$h = highest(@r);
	@r = $c->cmd('STORE 1 +FLAGS (\Seen)');
	is($r[0], '* 1 FETCH (FLAGS (\Seen))', 'not asked for, not shown');
	@r = $c->cmd('FETCH 1:4 (MODSEQ)');
	my $now = highest(@r);
	ok($now > $h, 'first use names the highest, which has grown');
	my @m = modseqs(@r);
	is($m[0], $now, 'by the message that changed');
	ok($m[1] <= $h && $m[2] == $m[1] && $m[3] == $m[1], 'alone');
	is(scalar(modseqs($c->cmd('FETCH 2 (UID MODSEQ)'))), 1, 'no more OK by then');
	@r = $c->cmd('STORE 2 +FLAGS.SILENT (\Flagged)');
	like($r[0], qr/^\* 2 FETCH \(MODSEQ \((\d+)\)\)$/, 'a silent store tells the number');
	my ($second) = modseqs(@r);
	ok($second > $now, 'which grows');
	like(($c->cmd('STORE 2 +FLAGS.SILENT (\Flagged)'))[0], qr/MODSEQ \($second\)/, 'no change, same number');
	is_deeply([$c->cmd("FETCH 1:* (FLAGS) (CHANGEDSINCE $now)")],
		["* 2 FETCH (FLAGS (\\Flagged) MODSEQ ($second))", 'OK FETCH completed'], 'changed since');
	is_deeply([$c->cmd("UID FETCH 1:* (UID) (CHANGEDSINCE $second)")], ['OK FETCH completed'], 'nothing since');

	@r = $c->cmd("STORE 1,2,3 (UNCHANGEDSINCE $now) +FLAGS.SILENT (\\Answered)");
	like($r[-1], qr/^OK \[MODIFIED 2\]/, 'conditional');
	is_deeply([map {/^\* (\d) FETCH \(MODSEQ/} @r], [1, 3], 'the others are done');
	@r = $c->cmd("UID STORE 2 (UNCHANGEDSINCE 0) FLAGS ()");
	like($r[-1], qr/^OK \[MODIFIED 2\]/, 'zero never holds');
	is(($c->cmd("SEARCH MODSEQ $second"))[0], "* SEARCH 1 2 3 (MODSEQ " . highest($c->cmd('STATUS INBOX (HIGHESTMODSEQ)')) . ')',
		'search');
	like(($c->cmd("SEARCH MODSEQ \"/flags/\\\\Seen\" all $second"))[0], qr/^\* SEARCH 1 2 3 \(MODSEQ/, 'with an entry');
	is(($c->cmd("SEARCH MODSEQ 9000000000000000000"))[0], '* SEARCH', 'none');
	like(($c->cmd("SEARCH RETURN (COUNT) MODSEQ $second"))[0], qr/COUNT 3 MODSEQ \d+$/, 'esearch');
	like(($c->cmd("SORT (REVERSE ARRIVAL) UTF-8 MODSEQ $second"))[0], qr/^\* SORT .*\(MODSEQ \d+\)$/, 'sort');
	@r = $c->cmd('FETCH 4 BODY[TEXT]');
	has('\Seen comes with its number', qr/^\* 4 FETCH \(FLAGS \(\\Seen\) MODSEQ \(\d+\)\)$/, @r);
	my $last = highest($c->cmd('STATUS INBOX (HIGHESTMODSEQ)'));
	$c->cmd('STORE 4 +FLAGS.SILENT (\Deleted)');
	like(($c->cmd('EXPUNGE'))[-1], qr/^OK \[HIGHESTMODSEQ (\d+)\]/, 'expunge');
	ok(highest($c->cmd('STATUS INBOX (HIGHESTMODSEQ)')) > $last, 'changes the highest');
	has($_, qr/^BAD/, $c->cmd($_)) for 'FETCH 1 (FLAGS) (CHANGEDSINCE)', 'FETCH 1 FLAGS (FROB 1)', 'FETCH 1 FLAGS (CHANGEDSINCE x)',
		'STORE 1 (UNCHANGEDSINCE) FLAGS ()', 'SELECT INBOX (FROB)', 'SELECT INBOX CONDSTORE', 'SEARCH MODSEQ x',
		'UID FETCH 1 FLAGS (VANISHED)', 'SEARCH MODSEQ "/flags/x" 5', 'SELECT INBOX (QRESYNC (1 2))';
	$c->end;
};

subtest 'what others do' => sub {
	my $dir = box(3);
	my $c = client($dir);
	my $h = highest($c->cmd('SELECT INBOX (CONDSTORE)'));
	is(highest($c->cmd('SELECT INBOX')), $h, 'nothing, nothing new');
	my ($file) = glob "$dir/cur/*M1P*" ; ($file) = sort glob "$dir/cur/*" unless $file;
	rename $file, $file =~ s/:2,.*/:2,F/r or die;
	my @r = $c->cmd('NOOP');
	has('flags changed by another program', qr/^\* 1 FETCH \(FLAGS \(\\Flagged\) MODSEQ \((\d+)\)\)$/, @r);
	my ($n) = modseqs(@r);
	ok($n > $h, 'got a number');
	$c->cmd('STORE 2 +FLAGS.SILENT (Kw)');
	$c->end;

	my $file_text = slurp("$dir/courierimapmodseq");
	like($file_text, qr/^1 \d+ \d+\n(\d+ \d+ [0-9a-f]+\n){3}= (\d+ ){4}\d+\n(\d \d+ [0-9a-f]+\n= (\d+ ){4}\d+\n){2}\z/,
		'the file: all, then what two turns changed');
	($file) = sort glob "$dir/cur/*";
	rename $file, $file =~ s/:2,.*/:2,S/r or die; # nobody looks
	$c = client($dir);
	my $later = highest($c->cmd('SELECT INBOX'));
	ok($later > $n, 'noticed at the next look');
	is_deeply([map {/^\* (\d) FETCH/} $c->cmd("FETCH 1:* (FLAGS) (CHANGEDSINCE $n)")], [1, 2], 'what has changed since');
	put($dir, message(Subject => 'new'));
	@r = $c->cmd('NOOP');
	is_deeply([map {/^\* (\d) FETCH/} $c->cmd("FETCH 1:* (UID) (CHANGEDSINCE $later)")], [1, 4],
		'a delivery, and what had changed before SELECT without anybody looking');
	$c->end;

	unlink "$dir/courierimapmodseq";
	$c = client($dir);
	my $after = highest($c->cmd('SELECT INBOX'));
	ok($after > $later, 'a lost file');
	is(scalar(modseqs($c->cmd("FETCH 1:* (UID) (CHANGEDSINCE $later)"))), 4, 'makes all of it new');
	$c->end;
	spew("$dir/courierimapmodseq", "1 x\nfoo\n");
	$c = client($dir);
	ok(highest($c->cmd('SELECT INBOX')) > $after, 'as does nonsense');
	$c->end;
	is(scalar(@{[glob "$dir/tmp/*"]}), 0, 'nothing in tmp');
};

subtest 'two sessions' => sub {
	my $dir = box(2);
	my ($c, $d) = (client($dir), client($dir));
	$_->cmd('SELECT INBOX (CONDSTORE)') for $c, $d;
	my ($n) = modseqs($c->cmd('STORE 1 +FLAGS (\Seen)'));
	my @r = $d->cmd('NOOP');
	has('both know the same number', qr/^\* 1 FETCH \(FLAGS \(\\Seen\) MODSEQ \($n\)\)$/, @r);
	@r = $d->cmd("STORE 1 (UNCHANGEDSINCE $n) +FLAGS (\\Flagged)");
	my ($m) = modseqs(@r);
	ok($m > $n, 'the second changes it');
	like(($c->cmd("STORE 1 (UNCHANGEDSINCE $n) -FLAGS (\\Flagged)"))[-1], qr/^OK \[MODIFIED 1\]/, 'the first is told');
	is(highest($c->cmd('STATUS INBOX (HIGHESTMODSEQ)')), $m, 'nothing changed by that');
	my $wins = 0;
	for my $round (1 .. 20) {
		my ($base) = sort {$b <=> $a} modseqs($c->cmd('FETCH 2 MODSEQ'));
		$_->put("r$round STORE 2 (UNCHANGEDSINCE $base) FLAGS.SILENT (K$round" . ($_ == $c ? 'c' : 'd') . ")\r\n") for $c, $d;
		$wins += grep {($_->reply("r$round"))[-1] !~ /MODIFIED/} $c, $d;
	}
	is($wins, 20, 'of two at once one wins, each time');
	$_->end for $c, $d;
};

subtest 'QRESYNC' => sub {
	my $dir = box(6);
	my $c = client($dir);
	has('enable', qr/^\* ENABLED QRESYNC$/, $c->cmd('ENABLE QRESYNC'));
	my @r = $c->cmd('SELECT INBOX');
	my $h = highest(@r);
	my ($validity) = map {/UIDVALIDITY (\d+)/} @r;
	my $d = client($dir);
	$d->cmd('SELECT INBOX');
	$d->cmd('STORE 2,3,5 +FLAGS.SILENT (\Deleted)');
	$d->cmd('EXPUNGE');
	$d->cmd('STORE 1 +FLAGS.SILENT (\Seen)');
	$d->end;
	@r = $c->cmd('NOOP');
	is($r[0], '* VANISHED 2:3,5', 'VANISHED instead of EXPUNGE');
	has('with uid', qr/^\* 1 FETCH \(UID 1 FLAGS \(\\Seen\) MODSEQ \(\d+\)\)$/, @r);
	is(($c->cmd("UID FETCH 1:6 (FLAGS) (CHANGEDSINCE $h VANISHED)"))[0], '* VANISHED (EARLIER) 2:3,5', 'on request');
	@r = $c->cmd('SELECT INBOX');
	is($r[0], '* OK [CLOSED] The mailbox before is closed', 'closed');
	$c->end;

	$c = client($dir);
	has('not enabled', qr/^BAD/, $c->cmd("SELECT INBOX (QRESYNC ($validity $h))"));
	$c->cmd('ENABLE QRESYNC UTF8=ACCEPT');
	@r = $c->cmd("SELECT INBOX (QRESYNC ($validity $h))");
	has('gone', qr/^\* VANISHED \(EARLIER\) 2:3,5$/, @r);
	is_deeply([map {/^\* \d FETCH \(UID (\d) FLAGS/} @r], [1], 'changed');
	my $now = highest(@r);
	@r = $c->cmd("SELECT INBOX (QRESYNC ($validity $h 3:4 (1 1)))");
	has('known uids alone', qr/^\* VANISHED \(EARLIER\) 3$/, @r);
	ok(!grep({/FETCH/} @r), 'none of them has changed');
	@r = $c->cmd("SELECT INBOX (QRESYNC ($validity $now 1,4,6))");
	ok(!grep({/VANISHED|FETCH/} @r), 'up to date');
	@r = $c->cmd('SELECT INBOX (QRESYNC (' . ($validity + 1) . " $h))");
	ok(!grep({/VANISHED|FETCH/} @r), 'another UIDVALIDITY');
	like($r[-1], qr/^OK/, 'is no fault');
	like(($c->cmd("SELECT INBOX (QRESYNC ($validity $h 1:4294967295,9,*,2:4294967294))"))[-1], qr/^OK/, 'wild ranges');
	has('merged', qr/^\* VANISHED \(EARLIER\) 2:3,5$/, $c->cmd("UID FETCH 4294967295:1,2:3,* UID (CHANGEDSINCE 1 VANISHED)"));
	$c->cmd('STORE 1 +FLAGS.SILENT (\Deleted)');
	@r = $c->cmd('UID EXPUNGE 1');
	is($r[0], '* VANISHED 1', 'expunge');
	like($r[-1], qr/^OK \[HIGHESTMODSEQ \d+\]/, 'and its number');
	$c->cmd('CREATE INBOX.Box');
	@r = $c->cmd('UID MOVE 4 INBOX.Box');
	has('move', qr/^\* VANISHED 4$/, @r);
	$c->cmd('STORE 1 +FLAGS.SILENT (\Deleted)');
	my @close = $c->cmd('CLOSE');
	ok(@close == 1 && $close[0] =~ /^OK \[HIGHESTMODSEQ \d+\]/, 'close tells the number alone');
	has($_, qr/^BAD/, $c->cmd("SELECT INBOX $_")) for '(QRESYNC)', '(QRESYNC ())', '(QRESYNC (1))', '(QRESYNC (1 2 x))', '(QRESYNC (1 2 $))',
		'(QRESYNC (1 2 1:2 3:4))', '(QRESYNC (1 2 (1)))', '(QRESYNC (1 2)';
	$c->end;
};

subtest 'where none can be kept' => sub {
	my $dir = box(2);
	mkdir "$dir/courierimapmodseq.lock" or die;
	my $c = client($dir);
	my @r = $c->cmd('SELECT INBOX (CONDSTORE)');
	has('said so', qr/^\* OK \[NOMODSEQ\]/, @r);
	like($r[-1], qr/^OK/, 'the folder is there');
	has('no numbers', qr/^BAD \[NOMODSEQ\]/, $c->cmd('FETCH 1 MODSEQ'));
	has('no condition', qr/^BAD \[NOMODSEQ\]/, $c->cmd('STORE 1 (UNCHANGEDSINCE 5) FLAGS (\Seen)'));
	is(($c->cmd('STORE 1 FLAGS (\Seen)'))[0], '* 1 FETCH (FLAGS (\Seen))', 'the rest goes on');
	has('none in STATUS', qr/HIGHESTMODSEQ 0/, $c->cmd('STATUS INBOX (HIGHESTMODSEQ)'));
	$c->end;
};

subtest 'switched off' => sub {
	settings("IMAP_CAPABILITY=\"IMAP4rev1 IDLE\"\n");
	my $dir = box(1);
	my $c = client($dir);
	ok(!grep({/MODSEQ/} $c->cmd('SELECT INBOX')), 'not a word');
	ok(!-e "$dir/courierimapmodseq", 'nor a file');
	like(($c->cmd('FETCH 1 MODSEQ'))[1], qr/MODSEQ \(\d+\)/, 'until somebody asks');
	$c->end;
};

done_testing;
