#!/usr/bin/perl
# Every command of IMAP in a folder of somebody else, under every set of rights: allowed or not, and to who may not look the
# folder up the words for a folder, or an account, that is not there (RFC 4314, section 4).
# SHR-0003 IMAP-0162 IMAP-0163 IMAP-0164 IMAP-0165 IMAP-0166 IMAP-0167
use strict;
use warnings;
use Test::More;
use Courier::ImapShell;

my $imapd = $ENV{IMAPD} || ($ENV{COURIER_TEST_PREFIX} || '') . '/libexec/courier/imapd';
BAIL_OUT("no $imapd: run the tests with ./runtests, or set IMAPD") unless -x $imapd;
$SIG{ALRM} = sub { BAIL_OUT('no end in sight') };
alarm 200;

my $house = Courier::ImapShell->house($imapd, 'alice', 'bob');
my $bob = $house->session('bob');
my $sync = $house->session('bob'); # speaks of mod-sequences
$sync->cmd('ENABLE QRESYNC');
sub who { return $_[0] =~ /SEQ|SYNC|SINCE|CONDSTORE/ ? $sync : $bob }
my @sets = ('', qw(l r i c x a s t w e lr lrs lrt lrw lri lrc lrx lra lre lrte lrste lrswite lrswitecx), 'aceilrstwx');

# What the table says: the rights that a command needs, all of them, in folder F (whose subfolder is F.Sub).
my @outside = (
	['SELECT "F"', 'r'],
	['EXAMINE "F"', 'r'],
	['STATUS "F" (MESSAGES UIDNEXT)', 'r'],
	['STATUS "F" (SIZE HIGHESTMODSEQ)', 'r'],
	['SELECT "F" (CONDSTORE)', 'r'],
	['SELECT "F" (QRESYNC (1 1))', 'r'],
	['EXAMINE "F" (QRESYNC (1 1 1:5))', 'r'],
	['MYRIGHTS "F"', ''],
	['SUBSCRIBE "F"', 'l'],
	['GETACL "F"', 'a'],
	['LISTRIGHTS "F" carol', 'a'],
	['SETACL "F" carol l', 'a'],
	['DELETEACL "F" carol', 'a'],
	['APPEND "F" {3+}' . "\r\nx\r\n", 'i'],
	['APPEND "F" (\\Deleted kw) ~{3+}' . "\r\nx\r\n", 'i'],
	['DELETE "F.Sub"', 'x'],
	['RENAME "F.Sub" "F.Sub2"', 'xc'],
	['CREATE "F.New"', 'c'],
	['DELETE "F"', 'x'],
);

sub fresh {
	my ($set) = @_;
	my $acl = $set eq '' ? '' : "user=bob $set";
	$house->folder('alice', $_, 0) for qw(Box.New Box.Sub2);
	File::Path::remove_tree($house->path($house->dir('alice', $_))) for qw(Box.New Box.Sub2);
	$house->folder('alice', 'Box', 2, $acl);
	$house->folder('alice', 'Box.Sub', 1, $acl);
	return;
}

sub has_all { my ($set, $need) = @_; return !grep { index($set, $_) < 0 } split //, $need }

for my $set (@sets) {
	my @wrong;
	fresh($set);
	for my $row (@outside) {
		my ($command, $need) = @$row;
		my %got;
		for my $place ('#shared.alice.Box', '#shared.alice.None', '#shared.none.Box') {
			(my $text = $command) =~ s/"F/"$place/g;
			$got{$place} = who($text)->last($text);
			who($text)->cmd('UNSELECT') if $text =~ /^(?:SELECT|EXAMINE)/ && $got{$place} =~ /^OK/;
		}
		my ($real, $none, $nobody) = @got{'#shared.alice.Box', '#shared.alice.None', '#shared.none.Box'};
		my $any = $need eq '' && $set eq ''; # MYRIGHTS wants any right at all
		my $expect = has_all($set, $need) && !$any ? qr/^OK/ : index($set, 'l') >= 0 || $command =~ /^CREATE/ ? qr/^NO \[NOPERM\]/ : undef;
		# with x and without c the new name is what is refused
		$expect = qr/^NO \[NOPERM\]/ if $command =~ /^RENAME/ && index($set, 'x') >= 0 && index($set, 'c') < 0;
		push @wrong, "$command: $real" if $expect && $real !~ $expect;
		push @wrong, "$command: tells '$real' of what is there and '$none', '$nobody' of what is not"
			if !$expect && ($real ne $none || $real ne $nobody);
		push @wrong, "$command: OK in a folder that is not there" if $none =~ /^OK/ || $nobody =~ /^OK/;
		fresh($set) if $real =~ /^OK/ && $need =~ /[xci]/;
	}
	is("@wrong", '', "outside, rights '$set'");
}

# MYRIGHTS wants any right at all, LIST and LSUB show what may be looked up.
for my $set (@sets) {
	fresh($set);
	my $l = index($set, 'l') >= 0;
	my @mine = $bob->cmd('MYRIGHTS "#shared.alice.Box"');
	$set eq '' ? is($mine[-1], $bob->last('MYRIGHTS "#shared.alice.None"'), 'no rights: not there') : like($mine[-1], qr/^OK/, "MYRIGHTS with '$set'");
	is(scalar(grep {/alice\.Box"/} $bob->cmd('LIST "" "#shared.*"')), $l ? 1 : 0, "LIST with '$set'");
	$house->spew('home/bob/Maildir/courierimapsubscribed', "#shared.alice.Box\n#shared.alice.None\n");
	is(scalar(grep {/alice\.Box"/} $bob->cmd('LSUB "" "#shared.*"')), $l ? 1 : 0, "LSUB with '$set'");
	is(scalar(grep {/None/} $bob->cmd('LSUB "" "*"')), 0, 'what is not there is not listed either');
	is(scalar(grep {/^\* STATUS/} $bob->cmd('LIST "" "#shared.alice.Box" RETURN (STATUS (MESSAGES))')), $l && index($set, 'r') >= 0 ? 1 : 0, "LIST with STATUS with '$set'");
	is(scalar(grep {/^\* LIST.*"ACL"/} $bob->cmd('LIST (ACL) "" "#shared.alice.Box"')), $l && index($set, 'a') >= 0 ? 1 : 0, "LIST with ACL with '$set'");
	my ($there, $none) = map { my $name = $_; join ' ', map {s/\Q$name\E//gr} $bob->cmd("GETQUOTAROOT \"#shared.alice.$name\"") } qw(Box None);
	is($there, $none, "GETQUOTAROOT tells nothing with '$set'");
	like($bob->last('CREATE "#shared.alice.Box.New" (USE (\\Drafts))'), index($set, 'c') >= 0 ? qr/^NO \[USEATTR\]/ : qr/^NO \[NOPERM\]/, "CREATE with a use with '$set'");
	ok(!-e $house->path($house->dir('alice', 'Box.New')), 'which makes nothing');
	is(who('SYNC')->last('MOVE 1 INBOX'), 'BAD No mailbox is selected', 'nothing is selected');
	like($bob->last('UNSUBSCRIBE "#shared.alice.Box"'), qr/^OK/, 'UNSUBSCRIBE is always allowed');
}

# In the selected folder: each mark has its right, and what one may not set does not change.
my @inside = (
	['STORE 1 +FLAGS (\\Seen)', 's', 'S'],
	['STORE 1 +FLAGS (\\Deleted)', 't', 'T'],
	['STORE 1 +FLAGS (\\Flagged)', 'w', 'F'],
	['STORE 1 +FLAGS.SILENT (\\Draft \\Answered)', 'w', 'DR'],
	['UID STORE 1 +FLAGS (\\Seen)', 's', 'S'],
	['STORE 1 (UNCHANGEDSINCE 9000000000000000000) +FLAGS (\\Seen)', 's', 'S'],
	['UID STORE 1 (UNCHANGEDSINCE 9000000000000000000) +FLAGS.SILENT (\\Deleted)', 't', 'T'],
	['STORE 1 (UNCHANGEDSINCE 9000000000000000000) +FLAGS (\\Flagged kw)', 'w', 'F'],
	['FETCH 1 (BODY[] MODSEQ)', 's', 'S', 'always'],
	['FETCH 1 (FLAGS) (CHANGEDSINCE 1)', 'r', ''],
	['UID FETCH 1:* (FLAGS) (CHANGEDSINCE 1 VANISHED)', 'r', ''],
	['SEARCH MODSEQ 1', 'r', ''],
	['NOOP', 'r', ''],
	['FETCH 1 (BODY[])', 's', 'S', 'always'],
	['FETCH 1 (BODY.PEEK[])', '', '', 'always'],
	['EXPUNGE', 'e', ''],
	['UID EXPUNGE 1', 'e', ''],
	['MOVE 2 INBOX', 'et', '', '', 'takes'],
	['MOVE 2 "#shared.alice.Box.Sub"', 'eti', '', '', 'takes'],
	['UID MOVE 2 INBOX', 'et', '', '', 'takes'],
	['COPY 1 INBOX', 'r', ''],
	['SEARCH ALL', 'r', ''],
	['SORT (SUBJECT) UTF-8 ALL', 'r', ''],
	['THREAD REFERENCES UTF-8 ALL', 'r', ''],
	['CHECK', 'r', ''],
	['COPY 1 "#shared.alice.Box"', 'i', ''],
);
for my $set (grep {/r/} @sets) {
	my @wrong;
	for my $row (@inside) {
		my ($command, $need, $letters, $always, $takes) = @$row;
		fresh($set);
		my $bob = who($command);
		my @selected = $bob->cmd('SELECT "#shared.alice.Box"');
		my $writable = $set =~ /[stwie]/;
		push @wrong, "SELECT: $selected[-1]" if $selected[-1] !~ ($writable ? qr/READ-WRITE/ : qr/READ-ONLY/);
		my $got = $bob->last($command);
		my $may = has_all($set, $need) && ($writable || $need =~ /^r?$/ || $always);
		push @wrong, "$command: $got" if !!($may || $always) ne !!($got =~ /^OK/);
		my ($file) = grep {/P1\.host/ && /M1P/} $house->files('alice', 'Box');
		my $marks = defined $file && $file =~ /:2,([A-Z]*)/ ? $1 : '';
		push @wrong, "$command: marks '$marks'" if $marks ne ($may ? $letters : '');
		my $left = grep {/M2P1/} $house->files('alice', 'Box');
		push @wrong, "$command: $left of message 2" if $left != ($takes && $may ? 0 : 1);
		$bob->cmd('UNSELECT');
	}
	is(join("\n", @wrong), '', "inside, rights '$set'");
}

subtest 'some of the marks' => sub {
	fresh('lrs');
	$bob->cmd('SELECT "#shared.alice.Box"');
	my @r = $bob->cmd('STORE 1 FLAGS (\\Seen \\Deleted \\Flagged kw)');
	like($r[0], qr/FETCH \(FLAGS \(\\Seen\)\)/, 'what is allowed is set, the rest left out');
	like($r[-1], qr/^OK/, 'and that is no error');
	@r = $bob->cmd('SELECT "#shared.alice.Box"');
	ok(scalar(grep { $_ eq '* OK [PERMANENTFLAGS (\\Seen)] Limited' } @r), 'PERMANENTFLAGS says what can be set') or diag(@r);
	fresh('lrt');
	$bob->cmd('SELECT "#shared.alice.Box"');
	$bob->cmd('STORE 1 +FLAGS (\\Deleted)');
	like($bob->last('CLOSE'), qr/^OK/, 'CLOSE');
	is(scalar($house->files('alice', 'Box')), 2, 'removes nothing without the right e');
	fresh('lri');
	like(($bob->append('#shared.alice.Box', "Subject: a\n\nb\n", '\\Seen \\Flagged kw'))[-1], qr/^OK \[APPENDUID/, 'APPEND with marks');
	is(scalar(grep {/:2,[A-Z]/} $house->files('alice', 'Box')), 0, 'that may not be set are left out');
};

subtest 'rights that end' => sub {
	fresh('lrswite');
	$bob->cmd('SELECT "#shared.alice.Box"');
	like($bob->last('STORE 1 +FLAGS (\\Flagged)'), qr/^OK/, 'allowed');
	$house->acl('alice', 'Box', 'user=bob lr');
	like($bob->last('STORE 2 +FLAGS (\\Flagged)'), qr/^NO \[NOPERM\]/, 'at once not allowed any more');
	$house->acl('alice', 'Box', '');
	my @r = $bob->cmd('FETCH 1 (BODY.PEEK[])');
	like($r[0], qr/^\* OK \[CLOSED\]/, 'not shared any more: closed');
	like($r[-1], qr/^BAD No mailbox/, 'and nothing is read');
	unlike("@r", qr/body/, 'not a word of the message');
};

subtest 'IDLE' => sub {
	fresh('lr');
	$bob->cmd('SELECT "#shared.alice.Box"');
	print {$bob->{in}} "i1 IDLE\r\n";
	like($bob->line, qr/^\+/, 'waits');
	my $text = "Subject: new\n\nx\n";
	$house->spew('home/alice/Maildir/.Box/tmp/1', $text);
	rename $house->path('home/alice/Maildir/.Box/tmp/1'), $house->path('home/alice/Maildir/.Box/new/1799999990.M1P9.host') or die;
	like($bob->line, qr/^\* 3 EXISTS/, 'hears of new mail');
	1 until $bob->line =~ /RECENT/;
	$house->acl('alice', 'Box', '');
	$house->spew('home/alice/Maildir/.Box/tmp/2', $text);
	rename $house->path('home/alice/Maildir/.Box/tmp/2'), $house->path('home/alice/Maildir/.Box/new/1799999991.M2P9.host') or die;
	like($bob->line, qr/^\* OK \[CLOSED\]/, 'but not of more than is shared');
	print {$bob->{in}} "DONE\r\n";
	like($bob->line, qr/^i1 OK/, 'and ends as ever');
};

is($_->end, 0, 'the session ends well') for $bob, $sync;
my $log = $house->slurp('log') // '';
unlike($log, qr/Sanitizer: |runtime error:/, 'nothing for the sanitizers');
done_testing;
