#!/usr/bin/perl
# Folders of somebody else when things change under the session: renamed and replaced folders, marks that somebody else sets at
# the same moment, mod-sequences that cannot be kept, the quota of who owns the folder, hostile files, a kill in the middle.
# SHR-0003 IMAP-0163
# slow
use strict;
use warnings;
use Test::More;
use File::Path qw(make_path remove_tree);
use Courier::ImapShell;

my $imapd = $ENV{IMAPD} || ($ENV{COURIER_TEST_PREFIX} || '') . '/libexec/courier/imapd';
BAIL_OUT("no $imapd: run the tests with ./runtests, or set IMAPD") unless -x $imapd;
$SIG{ALRM} = sub { BAIL_OUT('no end in sight') };
$SIG{PIPE} = 'IGNORE';
alarm 300;

my $house = Courier::ImapShell->house($imapd, 'alice', 'bob');
my $box = '#shared.alice.Box';
sub dir { return $house->path($house->dir('alice', $_[0])) }
sub letters { my ($folder, $base) = @_; my ($f) = grep {/\Q$base\E/} $house->files('alice', $folder); return defined $f && $f =~ /:2,(\w*)/ ? $1 : 'none' }
sub quota { my $sum = 0; $sum += (split ' ')[0] for grep {/^ *-?\d+ +-?\d+ *$/} split /\n/, $house->slurp('home/alice/Maildir/maildirsize') // ''; return $sum }

subtest 'a folder that gets another name' => sub {
	$house->acl('alice', '', 'user=bob lr');
	$house->folder('alice', 'Box', 2, 'user=bob lr');
	my $bob = $house->session('bob');
	like($bob->last(qq(SELECT "$box")), qr/^OK/, 'selected');
	rename dir('Box'), dir('Private') or die $!;
	$house->acl('alice', 'Private', '');
	my @r = $bob->cmd('FETCH 1 (BODY.PEEK[])');
	like("@r", qr/\[CLOSED\]/, 'renamed: closed, though the list above gives the right to read');
	unlike("@r", qr/body/, 'nothing is read under the old name\'s rights');
	$house->folder('alice', 'Box', 1, 'user=bob lrswite');
	$bob->cmd(qq(SELECT "$box"));
	rename dir('Box'), dir('Private2') or die $!;
	$house->acl('alice', 'Private2', '');
	$house->folder('alice', 'Box', 1, 'user=bob lrswite');
	@r = $bob->cmd('STORE 1 +FLAGS (\\Deleted)');
	like("@r", qr/\[CLOSED\]/, 'replaced by another of that name: closed');
	is(scalar(grep {/:2,\w*T/} $house->files('alice', 'Private2')), 0, 'and the old one is left alone');
	$bob->cmd(qq(SELECT "$box"));
	remove_tree(dir('Box'));
	@r = $bob->cmd('NOOP');
	like("@r", qr/\[CLOSED\].*OK NOOP/, 'removed: closed, and the session goes on');
	is($bob->end, 0, 'ends well');
	$house->acl('alice', '', '');
};

subtest 'RENAME of a folder whose children have other lists' => sub {
	$house->acl('alice', '', 'user=bob lc');
	$house->folder('alice', 'Up', 1, 'user=bob lrx');
	$house->folder('alice', 'Up.Hidden', 1, '');
	$house->folder('alice', 'Up.Open', 1, 'user=bob lrs');
	$house->folder('alice', 'Up.Heir.Child', 1); # has that of a name which is no folder
	make_path($house->path('home/alice/Maildir/courierimaphieracl'));
	$house->spew('home/alice/Maildir/courierimaphieracl/Up.Heir', "owner aceilrstwx\nuser=bob lr\n");
	my ($alice, $bob) = ($house->session('alice'), $house->session('bob'));
	like($alice->last('SELECT INBOX.Up.Hidden'), qr/^OK/, 'the owner has a child selected');
	like($bob->last('SELECT "#shared.alice.Up.Open"'), qr/^OK/, 'and bob another');
	like($bob->last('RENAME "#shared.alice.Up" "#shared.alice.New"'), qr/^OK/, 'RENAME');
	is(join(' ', sort map {/"(#shared[^"]*)"/} $bob->cmd('LIST "" "#shared.alice.*"')), join(' ', map {"#shared.alice.$_"} qw(New New.Heir New.Heir.Child New.Open)), 'what was hidden is hidden still');
	like($bob->last('SELECT "#shared.alice.New.Hidden"'), qr/^NO \[NONEXISTENT\]/, 'by its name, too');
	like(($bob->cmd('MYRIGHTS "#shared.alice.New.Open"'))[0], qr/"lrs"/, 'a list went along');
	like(($bob->cmd('MYRIGHTS "#shared.alice.New.Heir.Child"'))[0], qr/"lr"/, 'and one that came from above');
	like($alice->last('FETCH 1 (BODY.PEEK[])'), qr/^OK/, 'the owner goes on in what is selected');
	is($_->end, 0, 'ends well') for $alice, $bob;
	$house->acl('alice', '', '');
};

subtest 'marks that others set at the same time stay' => sub {
	for my $how ('STORE 1 +FLAGS (\\Seen)', 'STORE 1 FLAGS (\\Seen)', 'STORE 1 -FLAGS (\\Answered)', 'FETCH 1 (BODY[])', 'STORE 1 +FLAGS.SILENT (\\Seen)') {
		for my $enable ('', 'ENABLE CONDSTORE') {
			$house->folder('alice', 'Box', 1, 'user=bob lrs');
			my $bob = $house->session('bob');
			$bob->cmd($enable) if $enable;
			$bob->cmd(qq(SELECT "$box"));
			my ($f) = $house->files('alice', 'Box');
			rename dir('Box') . "/cur/$f", dir('Box') . "/cur/${f}FT" or die $!;
			my @r = $bob->cmd($how);
			my $want = $how =~ /-FLAGS/ ? undef : 'FST';
			is(letters('Box', 'M1P1'), $want, "$how $enable: the owner's marks are still there") if $want;
			like("@r", qr/FLAGS \([^)]*\\Flagged/, "$how $enable: and are told") if $want;
			is($bob->end, 0, 'ends well');
		}
	}
};

subtest 'MOVE and COPY take no marks along that may not be set there' => sub {
	for my $command ('COPY', 'MOVE') {
		my $bob = $house->session('bob');
		$house->spew('home/alice/Maildir/maildirsize', "1000000S\n");
		$house->folder('alice', 'Box', 1, 'user=bob lrswite');
		$house->folder('alice', 'Goal', 0, 'user=bob lri');
		my ($f) = $house->files('alice', 'Box');
		rename dir('Box') . "/cur/$f", dir('Box') . "/cur/${f}FST" or die $!;
		$bob->cmd(qq(SELECT "$box"));
		like($bob->last("$command 1 \"#shared.alice.Goal\""), qr/^OK/, $command);
		my ($g) = $house->files('alice', 'Goal');
		like($g // '', qr/:2,$/, 'none of them');
		cmp_ok(quota(), '>', 20, 'and what is marked as deleted no more counts in the quota of the owner');
		is($bob->end, 0, 'ends well');
	}
	my $bob = $house->session('bob');
	$house->folder('bob', '', 0);
	$house->spew('home/alice/Maildir/maildirsize', "1000S\n");
	$house->folder('alice', 'Goal', 0, 'user=bob lri');
	like(($bob->append('INBOX', 'Subject: big' . "\n\n" . 'x' x 2000, '\\Deleted'))[-1], qr/^OK/, 'a large message of one\'s own');
	$bob->cmd('SELECT INBOX');
	like($bob->last('COPY 1 "#shared.alice.Goal"'), qr/^NO \[OVERQUOTA\]/, 'does not slip past the quota of somebody else as deleted');
	is(scalar($house->files('alice', 'Goal')), 0, 'and is not there');
	$bob->end;
	unlink $house->path('home/alice/Maildir/maildirsize'), glob($house->path('home/bob/Maildir/cur/*'));
};

subtest 'to the Outbox from a folder of somebody else' => sub {
	my $sent = $house->path('sent');
	my $program = $house->spew('sendmail', "#!/bin/sh\ncat >>'$sent'\n");
	chmod 0755, $program;
	$house->folder('bob', 'Outbox', 0);
	for my $command ('COPY', 'MOVE') {
		unlink $sent;
		$house->folder('alice', 'Box', 1, 'user=bob lrswite');
		my $bob = $house->session('bob', set => {OUTBOX => '.Outbox', SENDMAIL => $program});
		$bob->cmd(qq(SELECT "$box"));
		like($bob->last("$command 1 INBOX.Outbox"), qr/^OK/, $command);
		like($house->slurp('sent') // '', qr/message 1 of alice/, 'is sent');
		is($bob->end, 0, 'ends well');
	}
};

subtest 'a folder where numbers cannot be kept' => sub {
	plan skip_all => 'for root, who has other uids' if $> != 0 || !grep { -x "$_/setpriv" } split /:/, $ENV{PATH};
	chmod 0755, $house->{top}, $house->path('home'), $house->path('home/alice'), $house->path('home/alice/Maildir');
	$house->folder('alice', 'Box', 2, 'user=bob lr');
	my $owner = $house->session('alice');
	$owner->cmd('SELECT INBOX.Box');
	$owner->end;
	unlink glob dir('Box') . '/courierimapmodseq*';
	system 'chmod', '-R', 'a+rX', $house->path('home/alice/Maildir');
	system 'chown', '-R', '65534:65534', $house->path('home/bob');
	$house->spew('log', '');
	chmod 0666, $house->path('log');
	my $wrapper = $house->spew('as-nobody', "#!/bin/sh\nexec setpriv --reuid 65534 --regid 65534 --clear-groups --no-new-privs '$imapd'\n");
	chmod 0755, $wrapper;
	local $house->{imapd} = $wrapper;
	my $probe = system 'setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', 'test', '-x', $imapd, '-a', '-r', $house->path('etc/shared/index');
	plan skip_all => 'the program lies where nobody else may look' if $probe != 0;
	my $bob = $house->session('bob');
	my @r = $bob->cmd(qq(SELECT "$box" (CONDSTORE)));
	like($r[-1], qr/^OK \[READ-ONLY\]/, 'SELECT does not fail');
	like("@r", qr/\[NOMODSEQ\]/, 'and says that there are none');
	for my $command ('FETCH 1 (MODSEQ)', 'FETCH 1 (FLAGS) (CHANGEDSINCE 1)', 'SEARCH MODSEQ 1') {
		like($bob->last($command), qr/^BAD \[NOMODSEQ\]/, "$command: as RFC 7162 has it");
	}
	unlike(join(' ', $bob->cmd('FETCH 1 (FLAGS)')), qr/MODSEQ \(/, 'no number is made up');
	like("@{[$bob->cmd('ENABLE QRESYNC')]}", qr/ENABLED QRESYNC.*OK ENABLE/, 'ENABLE does not fail in it');
	like("@{[$bob->cmd(qq(STATUS \"$box\" (HIGHESTMODSEQ)))]}", qr/HIGHESTMODSEQ 0\).*OK/, 'STATUS');
	is(scalar(glob dir('Box') . '/courierimapmodseq*'), undef, 'nothing is written there');
	is($bob->end, 0, 'ends well');
	system 'chown', '-R', '0:0', $house->path('home/bob');
};

subtest 'hostile files' => sub {
	$house->folder('alice', 'Box', 1, 'user=bob lr');
	my $index = $house->slurp('etc/shared/index');
	for my $bad ("\0" x 100, 'x' x 100000, "user=bob \xff\xff lr\n" x 1000, "anyone lr\n-user=bob lr\n", "user=bob\n", "\n\n\n") {
		$house->spew($house->dir('alice', 'Box') . '/courierimapacl', $bad);
		my $bob = $house->session('bob');
		like($bob->last(qq(SELECT "$box")), qr/^NO \[NONEXISTENT\]/, 'a list of nonsense gives nothing');
		is($bob->end, 0, 'ends well');
	}
	$house->acl('alice', 'Box', 'user=bob lr');
	unlink dir('Box') . '/courierimapacl';
	mkdir dir('Box') . '/courierimapacl' or die;
	$house->spew('etc/shared/index', $index . "a\tb\n\t\t\t\nme\t*\tindex\nx\t*\t../../etc/passwd\n..\t1\t1\t/\n" . "y\t1\t1\t/dev/null\n" . ('z' x 600) . "\t1\t1\t/\n");
	my $bob = $house->session('bob');
	like($bob->last(qq(SELECT "$box")), qr/^NO \[NONEXISTENT\]/, 'nor does a folder in the place of a list');
	like($bob->last('LIST "" "#shared.*"'), qr/^OK/, 'LIST with a hostile index');
	is($bob->end, 0, 'ends well');
	rmdir dir('Box') . '/courierimapacl';
	$house->spew('etc/shared/index', $index);
	# what would wait for ever, or lead elsewhere
	for my $file (qw(courierimapacl maildirsize courierimapmodseq courierimapmodseq.lock courierimapuiddb courierimapkeywords)) {
		for my $kind ('pipe', 'link') {
			$house->folder('alice', 'Box', 2, 'user=bob lrswite');
			my $path = $file eq 'maildirsize' ? $house->path("home/alice/Maildir/$file") : dir('Box') . "/$file";
			my $victim = $house->spew('home/alice/victim', "user=bob lrswite\n");
			unlink $path;
			$kind eq 'pipe' ? system('mkfifo', $path) : symlink($victim, $path);
			$bob = $house->session('bob');
			$bob->cmd('ENABLE CONDSTORE');
			my $r = 'closed';
			eval {
				local $SIG{ALRM} = sub { die "waits\n" };
				alarm 40;
				$r = $bob->last($_) for qq(SELECT "$box"), 'STORE 1 +FLAGS (\\Seen kw)', 'COPY 1 INBOX', "APPEND \"$box\" {3+}\r\nx\r\n", 'LIST "" "#shared.*"';
				1;
			} or $r = $@;
			alarm 280;
			like($r, qr/^OK/, "$file is a $kind: nothing waits");
			kill 'KILL', $bob->{pid} if $r !~ /^OK/;
			$bob->end;
			is($house->slurp('home/alice/victim'), "user=bob lrswite\n", 'and what it leads to is not written') if $kind eq 'link';
			unlink $path;
			remove_tree($path);
		}
	}
};

subtest 'an index by a name without a path' => sub {
	$house->folder('alice', 'Box', 1, 'user=bob lr');
	my $index = $house->slurp('etc/shared/index');
	make_path($house->path('home/bob/Maildir/shared'));
	$house->spew('home/bob/Maildir/shared/index', $index);
	$house->spew('etc/shared/index', '');
	my $bob = $house->session('bob', set => {IMAP_SHAREDINDEXFILE => 'shared/index'});
	like($bob->last(qq(SELECT "$box")), qr/^NO \[NONEXISTENT\]/, 'is not read from the Maildir of who asks');
	$bob->end;
	$house->spew('etc/shared/index', $index);
	$bob = $house->session('bob', set => {IMAP_SHAREDINDEXFILE => 'shared/index'});
	like($bob->last(qq(SELECT "$box")), qr/^OK/, 'but beside the settings');
	is($bob->end, 0, 'ends well');
	remove_tree($house->path('home/bob/Maildir/shared'));
};

subtest 'a sharable Maildir that is another one a moment later' => sub {
	my $swap = $house->path('swap');
	make_path(map { $house->path("pub/.news/$_"), $house->path("pub/$_") } qw(tmp new cur));
	system 'chmod', '-R', '0755', $house->path('pub');
	$house->folder('alice', 'Secret', 1, '');
	system 'chmod', '0700', $house->path('home/alice/Maildir');
	symlink $house->path('pub'), $swap or die;
	$house->spew('home/bob/Maildir/shared-maildirs', "s $swap\n");
	my $bob = $house->session('bob');
	like($bob->last('SELECT shared.s.news'), qr/^OK/, 'what is sharable is shared');
	unlink $swap;
	symlink $house->path('home/alice/Maildir'), $swap or die;
	unlike(join(' ', $bob->cmd('LIST "" "shared.*"')), qr/Secret/, 'a link that leads to a private Maildir now: not listed');
	like($bob->last('SELECT shared.s.Secret'), qr/^NO/, 'and not opened');
	is($bob->end, 0, 'ends well');
	# what sessions themselves may exchange is not shared at all
	for my $where ('home/bob/Maildir/sub', 'home/alice/Maildir/sub') {
		make_path(map { $house->path("$where/$_"), $house->path("$where/.news/$_") } qw(tmp new cur));
		system 'chmod', '-R', '0755', $house->path($where);
		$house->spew('home/bob/Maildir/shared-maildirs', 's ' . $house->path($where) . "\n");
		$bob = $house->session('bob');
		like($bob->last('SELECT shared.s.news'), qr/^NO \[NONEXISTENT\]/, "$where: not inside of an account's Maildir");
		is($bob->end, 0, 'ends well');
	}
	unlink $house->path('home/bob/Maildir/shared-maildirs');
};

subtest 'two sessions, deliveries and rights that change' => sub {
	$house->folder('alice', 'Box', 20, 'user=bob lrswite');
	my $until = time + 8;
	my @kids;
	for my $who ('alice', 'bob') {
		my $pid = fork // die;
		if (!$pid) {
			$SIG{ALRM} = 'DEFAULT';
			alarm 60;
			my $c = $house->session($who);
			my $name = $who eq 'alice' ? 'INBOX.Box' : $box;
			my $ok = 1;
			$c->cmd('ENABLE QRESYNC') if $who eq 'bob';
			for (my $i = 0; time < $until && $ok; $i++) {
				$c->cmd(qq(SELECT "$name")) if $i % 7 == 0;
				my @r = $c->cmd(('STORE 1:5 +FLAGS (\\Seen kw)', 'UID STORE 1:* -FLAGS.SILENT (\\Seen)', 'FETCH 1:* (FLAGS)', 'COPY 1:2 INBOX', 'UID STORE 3 +FLAGS (\\Deleted)', 'EXPUNGE', 'NOOP', "APPEND \"$name\" {3+}\r\nx\r\n", 'UID STORE 1:* (UNCHANGEDSINCE 5) +FLAGS (\\Flagged)')[$i % 9]);
				$ok = 0 if $r[-1] !~ /^(?:OK|NO|BAD No mailbox)/;
				print STDERR "$who: $r[-1]\n" if !$ok;
			}
			my $r = $c->end;
			require POSIX;
			POSIX::_exit($ok && $r == 0 ? 0 : 1);
		}
		push @kids, $pid;
	}
	my $n = 0;
	while (time < $until) {
		my $name = sprintf '18%08d.M%dP1.host,S=14', ++$n, $n;
		$house->spew("home/alice/Maildir/.Box/tmp/$name", "Subject: x\n\ny\n");
		rename dir('Box') . "/tmp/$name", dir('Box') . "/new/$name" or die;
		# as a whole, like every writer of lists
		my $acl = 'owner aceilrstwx' . "\n" . ('', "user=bob lr\n", "user=bob lrs\n", "user=bob lrswite\n", "user=bob i\n")[$n % 5] . "administrators aceilrstwx\n";
		$house->spew('home/alice/Maildir/.Box/tmp/acl', $acl);
		rename dir('Box') . '/tmp/acl', dir('Box') . '/courierimapacl' or die;
		select undef, undef, undef, 0.05;
	}
	for my $pid (@kids) { waitpid $pid, 0; is($?, 0, 'a session ends well') }
	my %seen;
	my ($head, @lines) = split /\n/, $house->slurp('home/alice/Maildir/.Box/courierimapuiddb');
	$seen{(split ' ')[0]}++ for @lines;
	is(join(' ', grep { $seen{$_} > 1 } keys %seen), '', 'no UID was given twice');
};

subtest 'killed in the middle of a COPY to another account' => sub {
	$house->folder('bob', 'Many', 400);
	for my $delay (0.005, 0.02, 0.05, 0.1) {
		$house->folder('alice', 'Goal', 0, 'user=bob lri');
		my $bob = $house->session('bob');
		$bob->cmd('SELECT INBOX.Many');
		print {$bob->{in}} "k1 COPY 1:* \"#shared.alice.Goal\"\r\n";
		select undef, undef, undef, $delay;
		kill 'KILL', $bob->{pid};
		$bob->end;
		is(scalar($house->files('bob', 'Many')), 400, 'all are in the source');
		my @broken = grep { -s dir('Goal') . "/cur/$_" < 30 } $house->files('alice', 'Goal');
		is("@broken", '', 'and none is there in part');
		my $alice = $house->session('alice');
		like($alice->last('SELECT INBOX.Goal'), qr/^OK/, 'the target can be opened');
		is($alice->end, 0, 'ends well');
	}
};

my $log = $house->slurp('log') // '';
unlike($log, qr/Sanitizer: |runtime error:/, 'nothing for the sanitizers');
done_testing;
