#!/usr/bin/perl
# Virtual shared folders: the index, identifiers, names, access lists and their commands, mail that crosses from one account to
# another, and what a hostile index, list, link or name can do.
# SHR-0001 SHR-0002 SHR-0003 SHR-0004 SHR-0005 SHR-0009 IMAP-0034 IMAP-0047 IMAP-0048 IMAP-0106 IMAP-0107 IMAP-0162 IMAP-0163
# IMAP-0164 IMAP-0165 IMAP-0166 IMAP-0167
use strict;
use warnings;
use Test::More;
use File::Path qw(make_path remove_tree);
use Courier::ImapShell;

my $imapd = $ENV{IMAPD} || ($ENV{COURIER_TEST_PREFIX} || '') . '/libexec/courier/imapd';
BAIL_OUT("no $imapd: run the tests with ./runtests, or set IMAPD") unless -x $imapd;
$SIG{ALRM} = sub { BAIL_OUT('no end in sight') };
alarm 200;

my $house = Courier::ImapShell->house($imapd, qw(alice bob carol));
my $top = $house->{top};

sub names { return join ' ', sort map { /^\* (?:LIST|LSUB) \(.*?\) "\." "(.*?)"/ ? $1 : () } @_ }

sub one {
	my ($user, $options, $set, @commands) = @_;
	my $c = $house->session($user, options => $options, set => $set);
	my @all = map { [$c->cmd($_)] } @commands;
	is($c->end, 0, 'the session ends well');
	return @all;
}

subtest 'IMAP-0107: name spaces' => sub {
	my ($ns) = one('bob', '', {}, 'NAMESPACE');
	is($ns->[0], '* NAMESPACE (("INBOX." ".")) NIL (("#shared." ".")("shared." "."))', 'three');
};

subtest 'SHR-0001: the index' => sub {
	$house->folder('alice', 'Pub', 2, 'anyone lr');
	$house->folder('alice', 'Priv', 2);
	make_path(map {"$top/home/dora/Box/$_"} qw(tmp new cur));
	$house->spew('home/dora/Box/courierimapacl', "owner al\nanyone lr\n");
	$house->spew('etc/shared/index', "# a comment\n\nalice\t1\t1\t$top/home/alice\nbob\t1\t1\t$top/home/bob\ndora\t9\t9\t$top/home/dora\t./Box\n"
			. "gone\t1\t1\t$top/home/gone\nfile\t1\t1\t$top/etc/shared/index\nrelative\t1\t1\thome/alice\nshort\t1\n\t\t\t\nnul\0\t1\t1\t$top/home/alice\nbad\xff\t1\t1\t$top/home/alice\nalice\t1\t1\t$top/home/carol\n");
	my ($list, $all, $own, $gone) = one('bob', '', {}, 'LIST "" "#shared.*"', 'LIST "" "*"', 'SELECT #shared.bob', 'SELECT #shared.gone.x');
	is(names(@$list), '#shared.alice #shared.alice.Pub #shared.dora', 'who shares something, each as their list says');
	is(names(@$all), 'INBOX', 'only to who asks for this name space');
	like($own->[-1], qr/NONEXISTENT/, 'the own Maildir is not among them');
	is($gone->[-1], $own->[-1], 'SHR-0003: neither are accounts that are not here');
	($list) = one('bob', 'disableshared=1', {}, 'LIST "" "#shared.*"');
	is(names(@$list), '', 'IMAP-0089: disableshared');
	($list) = one('bob', 'disableshared=0', {}, 'LIST "#shared." "%"');
	is(names(@$list), '#shared.alice #shared.dora', 'a reference, one level');
	$house->spew('other', "d\t1\t1\t$top/home/dora\t$top/home/dora/Box\n");
	($list) = one('bob', '', {IMAP_SHAREDINDEXFILE => "$top/other"}, 'LIST "" "#shared.*"');
	is(names(@$list), '#shared.d', 'IMAP-0047: another file; an absolute Maildir');
	($list) = one('bob', '', {IMAP_SHAREDINDEXFILE => "$top/nothing"}, 'LIST "" "#shared.*"');
	is(names(@$list), '', 'no index: nothing is shared');
};

subtest 'SHR-0002: groups of accounts' => sub {
	$house->spew('etc/shared/index', "People\t*\tpeople\nout\t*\t../imapd\nhidden\t*\t.x\nself\t*\tindex\n");
	$house->spew('etc/shared/people', "alice\t1\t1\t$top/home/alice\nmore\t*\tindex\ndeep\t*\tdeep\n");
	$house->spew('etc/shared/deep', "deep\t*\tdeep\ndora\t1\t1\t$top/home/dora\t./Box\n");
	my ($list, $level, $select) = one('bob', '', {}, 'LIST "" "#shared.*"', 'LIST "" "#shared.%"', 'SELECT "#shared.People.alice.Pub"');
	is(names(@$list), '#shared.People #shared.People.alice #shared.People.alice.Pub #shared.People.deep #shared.People.deep.dora', 'nested; circles end');
	like($level->[0], qr/\\HasChildren/, 'a group has children');
	like($select->[-1], qr/^OK \[READ-ONLY\]/, 'a folder in a group');
};

subtest 'SHR-0004 IMAP-0048: names' => sub {
	$house->spew('etc/shared/index', "al.ice/x\\y\t1\t1\t$top/home/alice\n");
	my ($list, $select) = one('bob', '', {}, 'LIST "" "#shared.*"', 'SELECT "#shared.al ice x\\\\y.Pub"');
	is(names(@$list), '#shared.al ice x\\\\y #shared.al ice x\\\\y.Pub', 'blanks');
	like($select->[-1], qr/^OK/, 'can be opened');
	($list, $select) = one('bob', '', {IMAP_SHAREDMUNGENAMES => 1}, 'LIST "" "#shared.*"', 'SELECT "#shared.al\\\\:ice\\\\;x\\\\\\\\y.Pub"');
	is(names(@$list), '#shared.al\\\\:ice\\\\;x\\\\\\\\y #shared.al\\\\:ice\\\\;x\\\\\\\\y.Pub', 'escapes');
	like($select->[-1], qr/^OK/, 'can be opened');
	$house->spew('etc/shared/index', "\xc3\xa4ra\t1\t1\t$top/home/alice\n");
	($list, $select) = one('bob', '', {}, 'LIST "" "#shared.*"', 'SELECT "#shared.&AOQ-ra.Pub"');
	is(names(@$list), '#shared.&AOQ-ra #shared.&AOQ-ra.Pub', 'UTF-8 as IMAP has it');
	like($select->[-1], qr/^OK/, 'can be opened');
};

subtest 'SHR-0005 IMAP-0089: sharedgroup' => sub {
	unlink "$top/etc/shared/index";
	$house->spew('etc/shared/index7', "alice\t1\t1\t$top/home/alice\n");
	my ($list) = one('bob', 'sharedgroup=7', {}, 'LIST "" "#shared.*"');
	is(names(@$list), '#shared.alice #shared.alice.Pub', 'an index of its own');
	($list) = one('bob', 'sharedgroup=8', {}, 'LIST "" "#shared.*"');
	is(names(@$list), '', 'another world');
	$house->spew('index7', "alice\t1\t1\t$top/home/alice\n");
	($list) = one('bob', 'sharedgroup=/../../index7', {}, 'LIST "" "#shared.*"');
	is(names(@$list), '', 'no way out of the folder');
};

$house->spew('etc/shared/index', join '', map {"$_\t1\t1\t$top/home/$_\n"} qw(alice bob carol));

subtest 'SHR-0009: the index is that of the session\'s start' => sub {
	my $bob = $house->session('bob');
	is(names($bob->cmd('LIST "" "#shared.*"')), '#shared.alice #shared.alice.Pub', 'as it was');
	my $old = $house->slurp('etc/shared/index');
	$house->spew('etc/shared/index', "\n");
	is(names($bob->cmd('LIST "" "#shared.*"')), '#shared.alice #shared.alice.Pub', 'is still');
	like($bob->last('SELECT #shared.alice.Pub'), qr/^OK/, 'and can be used');
	$house->spew('etc/shared/index', $old);
	$bob->end;
};

subtest 'identifiers' => sub {
	my %row = (
		'user=bob lrs; -user=bob s' => ['', 'lr'],
		'group=staff lr' => ['group=other,group=staff', 'lr'],
		'group=staff lrw; -group=other w' => ['group=other,group=staff', 'lr'],
		'anyone lr; -anyone r' => ['', 'l'],
		'anonymous lr' => ['', 'lr'],
		'user=bobby lr; user=bo lr; group=bob l' => ['', undef],
		'owner lr' => ['', undef],
		'-administrators lr' => ['group=administrators', 'acdilrsw'],
		'group=administrators l' => ['group=administrators', 'acdilrsw'],
		'administrators l' => ['group=staff', undef],
		'user=bob lretx' => ['', 'dlr'],
		'user=bob lrex' => ['', 'lr'],
	);
	for my $acl (sort keys %row) {
		my ($options, $rights) = @{$row{$acl}};
		$house->acl('alice', 'Pub', $acl);
		my ($mine) = one('bob', $options, {}, 'MYRIGHTS #shared.alice.Pub');
		defined $rights ? is($mine->[0], qq{* MYRIGHTS "#shared.alice.Pub" "$rights"}, "$acl ($options)") : like($mine->[-1], qr/NONEXISTENT/, "$acl ($options): nothing");
	}
	$house->acl('alice', 'Pub', 'user=bob lrex');
	my ($select) = one('bob', '', {}, 'SELECT #shared.alice.Pub');
	ok(scalar(grep { $_ eq '* OK [MYRIGHTS "elrx"] ACL' } @$select), 'IMAP-0112 IMAP-0166: SELECT tells the rights, each for itself');
};

subtest 'IMAP-0162 IMAP-0163 IMAP-0164: lists are read and changed' => sub {
	$house->folder('alice', 'Pub', 2, 'user=bob lr; group=staff lrs; -group=other x');
	my $a = $house->session('alice');
	is(($a->cmd('GETACL INBOX.Pub'))[0], '* ACL "INBOX.Pub" "owner" "acdilrsw" "bob" "lr" "group=staff" "lrs" "-group=other" "" "administrators" "acdilrsw"', 'old letters');
	like($a->last('SETACL INBOX.Pub bob +kx'), qr/^OK/, 'a right more; k is c');
	like($a->last('SETACL INBOX.Pub group=staff -s'), qr/^OK/, 'one less');
	like($a->last('SETACL INBOX.Pub -carol "ld"'), qr/^OK/, 'a negative entry');
	like($a->last('SETACL INBOX.Pub "user=with blank" {2+}' . "\r\nlr"), qr/^OK/, 'literals');
	is($house->slurp('home/alice/Maildir/.Pub/courierimapacl'), "owner aceilrstwx\nuser=bob clrx\ngroup=staff lr\n-group=other x\nadministrators aceilrstwx\n-user=carol eltx\nuser=with blank lr\n", 'the file');
	like($a->last('DELETEACL INBOX.Pub bob'), qr/^OK/, 'an entry goes');
	like($a->last('DELETEACL INBOX.Pub -carol'), qr/^OK/, 'and a negative one');
	like($a->last('DELETEACL INBOX.Pub nobody'), qr/^OK/, 'one that is not there');
	like($a->last('SETACL INBOX.Pub group=staff ""'), qr/^OK/, 'no rights: no entry');
	is($house->slurp('home/alice/Maildir/.Pub/courierimapacl'), "owner aceilrstwx\n-group=other x\nadministrators aceilrstwx\nuser=with blank lr\n", 'the file');
	for my $c ('SETACL INBOX.Pub owner lr', 'SETACL INBOX.Pub owner -a', 'SETACL INBOX.Pub -owner a', 'SETACL INBOX.Pub -anyone l', 'SETACL INBOX.Pub administrators lr', 'SETACL INBOX.Pub -administrators r', 'DELETEACL INBOX.Pub owner', 'DELETEACL INBOX.Pub administrators') {
		like($a->last($c), qr/^NO \[CANNOT\]/, "refused: $c");
	}
	for my $c ('SETACL INBOX.Pub bob lrq', 'SETACL INBOX.Pub bob lrp', 'SETACL INBOX.Pub', 'SETACL INBOX.Pub bob', 'SETACL INBOX.Pub "" lr', 'SETACL INBOX.Pub "-" lr', "SETACL INBOX.Pub {9+}\r\na\r\nowner l lr", 'GETACL', 'MYRIGHTS', 'LISTRIGHTS INBOX.Pub', 'GETACL INBOX.Pub x', 'SETACL INBOX.Pub ' . 'x' x 600 . ' lr') {
		like($a->last($c), qr/^BAD/, 'wrong: ' . substr $c, 0, 50);
	}
	is($house->slurp('home/alice/Maildir/.Pub/courierimapacl'), "owner aceilrstwx\n-group=other x\nadministrators aceilrstwx\nuser=with blank lr\n", 'the file is as before');
	like($a->last("$_ INBOX.None"), qr/^NO \[NONEXISTENT\]/, "no folder: $_") for qw(GETACL MYRIGHTS);
	like($a->last('SETACL INBOX bob lr'), qr/^OK/, 'INBOX has a list, too');
	my ($list) = one('bob', '', {}, 'LIST "" "#shared.*"');
	is(names(@$list), '#shared.alice #shared.alice.Priv', 'and its name is the account; folders without a list have that one');
	like($a->last('DELETEACL INBOX bob'), qr/^OK/, 'no more');
	is(($a->cmd('LISTRIGHTS INBOX.Pub bob'))[0], '* LISTRIGHTS "INBOX.Pub" "bob" "" a c d i l r s w', 'IMAP-0165: what can be given');
	is(($a->cmd('LISTRIGHTS INBOX.Pub owner'))[0], '* LISTRIGHTS "INBOX.Pub" "owner" "al" c d i r s w', 'what the owner keeps');
	is(($a->cmd('LISTRIGHTS INBOX.Pub administrators'))[0], '* LISTRIGHTS "INBOX.Pub" "administrators" "acdilrsw"', 'what administrators keep');
	is($a->end, 0, 'ends well');
};

subtest 'IMAP-0167: ACL STORE and ACL DELETE' => sub {
	$house->folder('alice', 'Pub', 1, '');
	$house->folder('alice', 'Two', 1, '');
	my $a = $house->session('alice');
	my @r = $a->cmd('ACL STORE (INBOX.Pub INBOX.Two) user=bob lrx group=staff +l');
	is($r[0], '* LIST () "." "INBOX.Pub" (("ACL" (("owner" "acdilrsw")("administrators" "acdilrsw")("user=bob" "lrx")("group=staff" "l"))))', 'each with its list');
	like($r[1], qr/"INBOX\.Two"/, 'the other one');
	is($r[2], 'OK ACL STORE completed.', 'done');
	@r = $a->cmd('ACL DELETE (INBOX.Pub INBOX.None) user=bob group=staff');
	like($r[0], qr/"INBOX\.Pub" \(\("ACL" \(\("owner" "acdilrsw"\)\("administrators" "acdilrsw"\)\)\)\)$/, 'entries go');
	like($r[1], qr/^\* ACLFAILED "INBOX\.None" \[NONEXISTENT\]/, 'which one could not');
	like($r[2], qr/^OK/, 'something was done');
	@r = $a->cmd('ACL STORE INBOX.Pub user=bob lr owner r');
	like($r[0], qr/^\* ACLFAILED "INBOX\.Pub" \[CANNOT\]/, 'the owner keeps a and l');
	like($r[1], qr/^NO/, 'nothing was done');
	unlike($house->slurp('home/alice/Maildir/.Pub/courierimapacl'), qr/bob/, 'not by half either');
	like($a->last($_), qr/^BAD/, "wrong: $_") for ('ACL', 'ACL FROB INBOX', 'ACL STORE', 'ACL STORE INBOX', 'ACL STORE (INBOX user=x l', 'ACL STORE INBOX user=x', 'ACL STORE () user=x l');
	my $bob = $house->session('bob');
	my $hidden = ($bob->cmd('ACL STORE #shared.alice.Pub user=bob lr'))[0];
	is($hidden =~ s/alice/nobody/r, ($bob->cmd('ACL STORE #shared.nobody.Pub user=bob lr'))[0], 'hidden folders are not there');
	$_->end for $a, $bob;
	remove_tree($house->path('home/alice/Maildir/.Two'));
};

subtest 'IMAP-0106: LIST with facts' => sub {
	$house->folder('alice', 'Pub', 1, 'user=bob lrx');
	my ($list, $lsub, $foreign) = one('alice', '', {}, 'LIST (ACL MYRIGHTS POSTADDRESS) "" INBOX.Pub', 'LIST (MYRIGHTS) "" (INBOX INBOX.Pub)', 'LIST (ACL SUBSCRIBED) "" *');
	is($list->[0], '* LIST (\\HasNoChildren) "." "INBOX.Pub" (("ACL" (("owner" "acdilrsw")("user=bob" "lrx")("administrators" "acdilrsw")))("MYRIGHTS" "acdilrsw")(POSTADDRESS NIL))', 'all three');
	like($foreign->[-1], qr/^BAD/, 'not together with other words');
	($list) = one('bob', '', {}, 'LIST (ACL MYRIGHTS) "" #shared.alice.*');
	like((grep {/Pub/} @$list)[0], qr/"#shared\.alice\.Pub" \(\("MYRIGHTS" "lrx"\)\)$/, 'IMAP-0105: a list is for who has the right a');
	$house->spew('home/bob/Maildir/courierimapsubscribed', "#shared.alice.Pub\n");
	($lsub) = one('bob', '', {}, 'LSUB (MYRIGHTS) "" *');
	like((grep {/Pub/} @$lsub)[0], qr/^\* LSUB .*"#shared\.alice\.Pub" \(\("MYRIGHTS" "lrx"\)\)$/, 'LSUB');
	unlink $house->path('home/bob/Maildir/courierimapsubscribed');
};

subtest 'IMAP-0034: IMAP_ACL=0' => sub {
	my ($on) = one('bob', '', {}, 'CAPABILITY');
	like($on->[0], qr/ ACL ACL2=UNION\b/, 'said');
	my ($off, $get, $select) = one('bob', '', {IMAP_ACL => 0}, 'CAPABILITY', 'GETACL INBOX', 'SELECT #shared.alice.Priv');
	unlike($off->[0], qr/ACL/, 'not said');
	like($get->[-1], qr/^BAD/, 'and not done');
	like($select->[-1], qr/NONEXISTENT/, 'but lists count as ever');
};

subtest 'folders come, go and are renamed' => sub {
	$house->folder('alice', 'Pub', 1, 'user=bob clrx; user=carol lr');
	my $bob = $house->session('bob');
	like($bob->last('CREATE #shared.alice.Pub.New'), qr/^OK/, 'CREATE');
	is($house->slurp('home/alice/Maildir/.Pub.New/courierimapacl'), $house->slurp('home/alice/Maildir/.Pub/courierimapacl'), 'with the list of the folder above');
	like($bob->last('CREATE #shared.alice.Pub.New'), qr/^NO \[ALREADYEXISTS\]/, 'only once');
	like($bob->last('RENAME #shared.alice.Pub.New #shared.alice.Pub.Old'), qr/^OK/, 'RENAME');
	ok(-d $house->path('home/alice/Maildir/.Pub.Old/cur'), 'is there');
	like($bob->last("RENAME $_"), qr/^NO \[CANNOT\]/, "not to another account: $_") for '#shared.alice.Pub.Old INBOX.Taken';
	like($bob->last('RENAME INBOX #shared.alice.Pub.X'), qr/^NO \[CANNOT\]/, 'nor from one');
	like($bob->last('DELETE #shared.alice.Pub.Old'), qr/^OK/, 'DELETE');
	ok(!-e $house->path('home/alice/Maildir/.Pub.Old'), 'is gone');
	like($bob->last('DELETE #shared.alice'), qr/^NO \[NONEXISTENT\]/, 'not somebody\'s INBOX');
	like($bob->last('CREATE #shared.alice.Top'), qr/^NO \[NOPERM\]/, 'nor beside what one may');
	is($bob->last('CREATE #shared.nobody.Top'), $bob->last('CREATE #shared.alice.Top'), 'in the same words as where nobody is');
	my $a = $house->session('alice');
	$house->folder('alice', 'Secret', 1);
	like($a->last('RENAME INBOX.Secret INBOX.Pub.Secret'), qr/^OK/, 'a private folder below a public one');
	is($bob->last('SELECT #shared.alice.Pub.Secret'), $bob->last('SELECT #shared.alice.Pub.Nope'), 'is private still');
	$house->folder('alice', 'Pub.Kid', 1);
	like($bob->last('SELECT #shared.alice.Pub.Kid'), qr/^OK/, 'a folder that another program made has the list above');
	$_->end for $a, $bob;
};

subtest 'mail crosses over' => sub {
	$house->folder('alice', 'Pub', 2, 'user=bob lrswite');
	$house->folder('bob', 'Mine', 3);
	unlink $house->path('home/alice/Maildir/maildirsize');
	$house->spew('home/alice/Maildir/maildirsize', "250S,100C\n          132            2\n");
	my $bob = $house->session('bob', quota => '100000S');
	$bob->cmd('SELECT INBOX.Mine');
	$bob->cmd('STORE 1 +FLAGS (\\Seen \\Flagged kw)');
	like($bob->last('COPY 1 #shared.alice.Pub'), qr/^OK \[COPYUID \d+ 1 3\]/, 'COPY with UIDs');
	my @r = $bob->cmd('STATUS #shared.alice.Pub (MESSAGES UNSEEN)');
	like($r[0], qr/MESSAGES 3 UNSEEN 2/, 'it is there, seen');
	my ($new) = sort { -M $a <=> -M $b } glob $house->path('home/alice/Maildir/.Pub/cur/*,S*FS');
	is((stat $new)[3], 1, 'a copy, not a link');
	like($house->slurp('home/alice/Maildir/maildirsize'), qr/^\s+\d+ +1$/m, 'counted in the quota of the owner');
	like($bob->last('COPY 1:3 #shared.alice.Pub'), qr/^NO \[OVERQUOTA\]/, 'whose limit it is');
	like(($bob->append('#shared.alice.Pub', "Subject: x\n\n" . 'y' x 400 . "\n"))[-1], qr/^NO \[OVERQUOTA\]/, 'for APPEND, too');
	unlink $house->path('home/alice/Maildir/maildirsize');
	like(($bob->append('#shared.alice.Pub', "Subject: x\n\ny\n"))[-1], qr/^OK \[APPENDUID \d+ 4\]/, 'APPEND');
	@r = $bob->cmd('MOVE 2 #shared.alice.Pub');
	ok(scalar(grep {/^\* OK \[COPYUID \d+ 2 5\]/} @r), 'MOVE there');
	ok(scalar(grep { $_ eq '* 2 EXPUNGE' } @r), 'is gone here');
	@r = $bob->cmd('SELECT #shared.alice.Pub');
	ok(scalar(grep { $_ eq '* 5 EXISTS' } @r), 'five messages');
	@r = $bob->cmd('FETCH 3 (FLAGS)');
	like($r[0], qr/\\Flagged \\Seen kw|kw/, 'keywords come along') or diag(@r);
	@r = $bob->cmd('MOVE 5 INBOX.Mine');
	like($r[-1], qr/^OK/, 'MOVE back');
	is(scalar($house->files('bob', 'Mine')), 3, 'all there again');
	like($bob->last('STORE 1 +FLAGS (\\Deleted)'), qr/^OK/, 'mark');
	like($bob->last('EXPUNGE'), qr/^OK/, 'remove');
	is(scalar($house->files('alice', 'Pub')), 3, 'three left');
	is($bob->end, 0, 'ends well');
	my $c = $house->session('bob', set => {IMAP_MOVE_EXPUNGE_TO_TRASH => 1});
	$c->cmd('SELECT #shared.alice.Pub');
	$c->cmd('STORE 1 +FLAGS (\\Deleted)');
	$c->cmd('EXPUNGE');
	ok(!-e $house->path('home/bob/Maildir/.Trash'), 'others\' mail does not go to one\'s own Trash');
	$c->end;
};

subtest 'races' => sub {
	$house->folder('alice', 'Pub', 2, 'user=bob lrswite');
	my $bob = $house->session('bob');
	$bob->cmd('SELECT #shared.alice.Pub');
	remove_tree($house->path('home/alice/Maildir/.Pub'));
	my @r = $bob->cmd('FETCH 1 (BODY.PEEK[])');
	unlike("@r", qr/^closed/, 'a folder that is removed while selected: an answer');
	is(names($bob->cmd('LIST "" "#shared.*"')), '', 'the session goes on');
	$house->folder('alice', 'Pub', 1, 'user=bob lr');
	like($bob->last('SELECT #shared.alice.Pub'), qr/^OK/, 'a new folder of that name');
	is($bob->end, 0, 'ends well');
};

subtest 'links and lists that lie' => sub {
	my $secret = $house->folder('carol', 'Secret', 1);
	my ($message) = glob "$secret/cur/*";
	$house->folder('alice', 'Pub', 1, 'user=bob lrswitecxa');
	symlink $message, $house->path('home/alice/Maildir/.Pub/cur/1600000000.M1P1.evil:2,') or die;
	symlink $secret, $house->path('home/alice/Maildir/.Linked') or die;
	make_path($house->path('home/alice/Maildir/.Parts'));
	symlink "$secret/$_", $house->path("home/alice/Maildir/.Parts/$_") for qw(cur new tmp);
	$house->acl('alice', 'Parts', 'user=bob lrswitecxa');
	$house->acl('carol', 'Secret', '');
	my $bob = $house->session('bob');
	$bob->cmd('SELECT #shared.alice.Pub');
	unlike(join(' ', $bob->cmd('FETCH 1:* (BODY.PEEK[])')), qr/of carol/, 'a message that is a link is not read');
	like($bob->last("SELECT #shared.alice.$_"), qr/^NO/, "a folder that is one: $_") for qw(Linked Parts);
	unlike(names($bob->cmd('LIST "" "#shared.*"')), qr/Linked|Parts/, 'nor are they listed');
	for my $name ('#shared.alice..Pub', '#shared.alice.', '#shared..alice', '#shared.alice./../../carol/Maildir', '#shared.alice.Pub/../.Secret', '#shared.../carol', '#shared.', '#shared', '#SHARED.alice.Priv', "#shared.alice.\xff") {
		like($bob->last("SELECT \"$name\""), qr/^(?:NO|BAD)/, "SELECT $name");
		like($bob->last("CREATE \"$name.x\""), qr/^(?:NO|BAD)/, "CREATE below it");
	}
	my $alice = 'home/alice/Maildir/.Pub/courierimapacl';
	unlink $house->path($alice);
	symlink $house->spew('home/list', "anyone lr\n"), $house->path($alice) or die;
	like($bob->last('SELECT #shared.alice.Pub'), qr/NONEXISTENT/, 'a list that is a link gives nothing');
	unlink $house->path($alice);
	$house->spew($alice, "anyone\n lr\nuser=bob\tlr\n-\nanyone lr extra\n\0anyone lr\n" . "user=x$_ lr\n" x 3000);
	like($bob->last('SELECT #shared.alice.Pub'), qr/NONEXISTENT/, 'one that is no list gives nothing');
	$house->spew($alice, 'anyone lr' . "\n" . 'x' x (2 << 20));
	like($bob->last('SELECT #shared.alice.Pub'), qr/NONEXISTENT/, 'nor one beyond all bounds');
	is($bob->end, 0, 'ends well');
};

subtest 'the second wall' => sub {
	my $version = $^O eq 'linux' ? syscall(444, 0, 0, 1) : -1; # landlock_create_ruleset
	plan skip_all => 'no Landlock here' unless $version >= 2 && grep { -x "$_/setpriv" } split /:/, $ENV{PATH};
	$house->folder('alice', 'Pub', 1, 'user=bob lr');
	my $bob = $house->session('bob');
	rename $house->path('home/alice/Maildir'), $house->path('home/alice/Away') or die;
	$house->folder('alice', '', 0);
	$house->folder('alice', 'Pub', 1, 'user=bob lr');
	like($bob->last('SELECT #shared.alice.Pub'), qr/^NO/, 'a Maildir that took the place of another after the start is out of reach');
	$bob->end;
	$bob = $house->session('bob');
	like($bob->last('SELECT #shared.alice.Pub'), qr/^OK/, 'and within it for the next session');
	$bob->end;
};

subtest 'a large index' => sub {
	$house->spew('etc/shared/index', "alice\t1\t1\t$top/home/alice\n" . join '', map {"n$_\t1\t1\t$top/home/none$_\n"} 1 .. 30000);
	my ($list) = one('bob', '', {}, 'LIST "" "#shared.*"');
	is(names(@$list), '#shared.alice #shared.alice.Pub', 'is read');
};

unlike($house->slurp('log') // '', qr/Sanitizer: |runtime error:/, 'nothing for the sanitizers');
done_testing;
