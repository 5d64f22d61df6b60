#!/usr/bin/perl
# Folders shared by file permissions: maildirmake's sharable Maildirs, seen through copies made of links.
# MDIR-0011 MDIR-0049 SHR-0011 SHR-0012 SHR-0013 SHR-0014 IMAP-0192
use strict;
use warnings;
use Test::More;
use File::Path qw(make_path remove_tree);
use Courier::ImapShell;

my $imapd = $ENV{IMAPD} || ($ENV{COURIER_TEST_PREFIX} || '') . '/libexec/courier/imapd';
BAIL_OUT("no $imapd: run the tests with ./runtests, or set IMAPD") unless -x $imapd;
(my $maildirmake = $imapd) =~ s{libexec/courier/imapd$}{bin/maildirmake};
$SIG{ALRM} = sub { BAIL_OUT('no end in sight') };
alarm 200;

my $house = Courier::ImapShell->house($imapd, qw(bob carol));
my $top = $house->{top};
umask 022;
chmod 0755, $top, "$top/home";

sub make { my @args = @_; is(system($maildirmake, @args), 0, "maildirmake @args[0, 1]"); return }
sub names { return join ' ', sort map { /^\* (?:LIST|LSUB) \(.*?\) "\." "(.*?)"/ ? $1 : () } @_ }
sub real { my ($folder) = @_; return map { s{.*/}{}r } glob "$top/pub/.$folder/{new,cur}/*" }
sub copy { my ($user, $path) = @_; return glob "$top/home/$user/Maildir/shared-folders/$path/cur/*" }

sub deliver {
	my ($folder, $n, $where) = @_;
	my $text = "Subject: news $n\n\nbody $n\n";
	my $name = sprintf '16%08d.M%dP1.host,S=%d', $n, $n, length $text;
	$house->spew("pub/.$folder/" . ($where // "new/$name") =~ s/NAME/$name/r, $text);
	chmod 0644, glob "$top/pub/.$folder/{new,cur}/*";
	return;
}

make('-S', "$top/pub");
make('-s', 'write', '-f', 'news', "$top/pub");
make('-s', 'read', '-f', 'deep.archive', "$top/pub");
make('-f', 'private', "$top/pub");
make('--add', "nick=$top/pub", "$top/home/bob/Maildir");
deliver('news', 1);
deliver('news', 2, 'cur/NAME:2,S');

subtest 'IMAP-0192 SHR-0014: names, copies and subscriptions' => sub {
	my $bob = $house->session('bob');
	my @r = $bob->cmd('LIST "" "shared.*"');
	like(names(@r), qr/^shared\.nick shared\.nick\.deep shared\.nick\.deep\.archive shared\.nick\.news( shared\.nick\.private)?$/, 'LIST');
	is(names($bob->cmd('LIST "" *')), 'INBOX', 'only to who asks for it');
	is(names($bob->cmd('LSUB "" *')), '', 'nothing is subscribed');
	like($bob->last('SUBSCRIBE shared.nick.news'), qr/^OK/, 'SUBSCRIBE');
	ok(-d "$top/home/bob/Maildir/shared-folders/nick/news/$_", "SHR-0011: the copy has $_") for qw(tmp new cur);
	is(readlink "$top/home/bob/Maildir/shared-folders/nick/news/shared", "$top/pub/.news", 'and a link to the folder');
	is((stat "$top/home/bob/Maildir/shared-folders/nick/news")[2] & 077, 0, 'which is for nobody else');
	is(names($bob->cmd('LSUB "" *')), 'shared.nick.news', 'LSUB');
	like($bob->last('SELECT shared.nick.deep.archive'), qr/^OK/, 'SELECT subscribes, too');
	is(names($bob->cmd('LSUB "" *')), 'shared.nick.deep.archive shared.nick.news', 'LSUB');
	like($bob->last('UNSUBSCRIBE shared.nick.deep.archive'), qr/^OK/, 'UNSUBSCRIBE');
	ok(!-e "$top/home/bob/Maildir/shared-folders/nick/deep.archive", 'takes the copy away');
	like($bob->last('SUBSCRIBE shared.nick.none'), qr/^NO \[NONEXISTENT\]/, 'no such folder');
	like($bob->last('SUBSCRIBE shared.none.news'), qr/^NO \[NONEXISTENT\]/, 'no such name');
	is($bob->end, 0, 'ends well');
};

subtest 'SHR-0012: in step with the folder' => sub {
	my $bob = $house->session('bob');
	my @r = $bob->cmd('SELECT shared.nick.news');
	like($r[-1], qr/^OK \[READ-WRITE\]/, 'SELECT');
	ok(scalar(grep { $_ eq '* 2 EXISTS' } @r), 'two messages');
	ok(scalar(grep { $_ eq '* OK [MYRIGHTS "dilrsw"] ACL' } @r), 'the rights');
	is(scalar(() = glob "$top/pub/.news/new/*"), 0, 'new mail was moved on to cur');
	is(scalar(grep { -l $_ } copy('bob', 'nick/news')), 2, 'links');
	is(scalar(grep {/:2,$/} copy('bob', 'nick/news')), 2, 'without flags');
	@r = $bob->cmd('FETCH 1:2 (FLAGS BODY[TEXT])');
	like("@r", qr/body 1.*body 2/s, 'what they say');
	is(scalar(grep {/:2,S$/} copy('bob', 'nick/news')), 2, 'seen by this one');
	is(scalar(grep {/:2,S$/} real('news')), 1, 'and by nobody else');
	deliver('news', 3);
	@r = $bob->cmd('NOOP');
	ok(scalar(grep { $_ eq '* 3 EXISTS' } @r), 'what comes while it is selected shows');
	print {$bob->{in}} "i1 IDLE\r\n";
	like($bob->line, qr/^\+/, 'IDLE');
	deliver('news', 4);
	like($bob->line, qr/^\* 4 EXISTS/, 'hears of what comes there');
	1 until $bob->line =~ /RECENT/;
	print {$bob->{in}} "DONE\r\n";
	1 until $bob->line =~ /^i1 OK/;
	unlink glob "$top/pub/.news/cur/*M4P1*";
	$bob->cmd('NOOP');
	my ($first) = grep {/M1P1/} real('news');
	rename "$top/pub/.news/cur/$first", "$top/pub/.news/cur/${first}F" or die;
	@r = $bob->cmd('FETCH 1 (FLAGS BODY.PEEK[TEXT])');
	like("@r", qr/\(\\Seen( \\Recent)?\) BODY\[TEXT\] .*body 1/s, 'its owner\'s marks are the owner\'s');
	unlink glob "$top/pub/.news/cur/*M2P1*";
	@r = $bob->cmd('NOOP');
	ok(scalar(grep { $_ eq '* 2 EXPUNGE' } @r), 'what is gone there is gone here');
	my @uids = map { /UID (\d+)/ ? $1 : () } $bob->cmd('FETCH 1:* (UID)');
	$bob->end;
	$bob = $house->session('bob');
	$bob->cmd('SELECT shared.nick.news');
	is_deeply([map { /UID (\d+)/ ? $1 : () } $bob->cmd('FETCH 1:* (UID)')], \@uids, 'UIDs stay');
	@r = $bob->cmd('STATUS shared.nick.news (MESSAGES UNSEEN)');
	like($r[0], qr/MESSAGES 2 UNSEEN 1/, 'STATUS');
	$bob->end;
};

subtest 'SHR-0013: who may what' => sub {
	my $bob = $house->session('bob', quota => '10000S');
	like(($bob->append('shared.nick.news', "Subject: mine\n\nmy words\n", '\\Seen'))[-1], qr/^OK APPEND/, 'APPEND into it');
	is(scalar(real('news')), 3, 'the message is in the folder itself');
	my ($file) = grep {/\.M\d+P\d{2,}/} map {"$top/pub/.news/cur/$_"} real('news');
	is((stat $file)[2] & 0777, 0644, 'for all to read');
	my @r = $bob->cmd('SELECT shared.nick.news');
	ok(scalar(grep { $_ eq '* 3 EXISTS' } @r), 'and shows');
	unlike($house->slurp('home/bob/Maildir/maildirsize') // '', qr/ 1$/m, 'no quota counts it');
	like($bob->last('STORE 3 +FLAGS (\\Deleted)'), qr/^OK/, 'mark');
	like($bob->last('EXPUNGE'), qr/^OK/, 'remove what one may');
	is(scalar(real('news')), 2, 'it is gone for all');
	like($bob->last('COPY 1 INBOX'), qr/^OK/, 'COPY from it');
	is(scalar(grep { !-l $_ } glob "$top/home/bob/Maildir/cur/*"), 1, 'makes a message, not a link');
	$bob->cmd('SELECT INBOX');
	like($bob->last('COPY 1 shared.nick.news'), qr/^OK COPY/, 'COPY into it');
	is(scalar(real('news')), 3, 'is there');
	like($bob->last('MOVE 1 shared.nick.news'), qr/^OK/, 'MOVE into it');
	is(scalar(glob "$top/home/bob/Maildir/cur/*") // 0, 0, 'is gone here');
	is(scalar(real('news')), 4, 'and there');
	like($bob->last($_), qr/^NO \[NOPERM\]/, $_) for ('CREATE shared.nick.x', 'RENAME shared.nick.news shared.nick.y', 'GETACL shared.nick.news', 'SETACL shared.nick.news bob lr', 'RENAME INBOX shared.nick.z');
	is(($bob->cmd('MYRIGHTS shared.nick.news'))[0], '* MYRIGHTS "shared.nick.news" "dilrsw"', 'MYRIGHTS');
	like($bob->last('DELETE shared.nick.news'), qr/^OK/, 'DELETE unsubscribes');
	is(scalar(real('news')), 4, 'and removes nothing');
	like($bob->last('DELETE shared.nick.news'), qr/^NO/, 'once');
	is($bob->end, 0, 'ends well');
};

subtest 'another user, moderated folders' => sub {
	plan skip_all => 'needs root, and another user' unless $> == 0 && defined getpwnam('nobody');
	my ($uid, $gid) = (getpwnam 'nobody')[2, 3];
	deliver('deep.archive', 9);
	deliver('deep.archive', 10, 'cur/NAME:2,');
	make('--add', "nick=$top/pub", "$top/home/carol/Maildir");
	system 'chown', '-R', "$uid:$gid", "$top/home/carol";
	chmod 0666, $house->spew('log', $house->slurp('log') // '');
	local $ENV{HOME} = "$top/home/carol";
	$house->spew('as', "#!/bin/sh\nexec setpriv --reuid $uid --regid $gid --clear-groups $imapd \"\$@\"\n");
	chmod 0755, "$top/as", "$top/etc", "$top/var";
	plan skip_all => 'no setpriv' unless grep { -x "$_/setpriv" } split /:/, $ENV{PATH};
	plan skip_all => 'the build is not open to other users' if system "setpriv --reuid $uid --regid $gid --clear-groups $imapd --version >/dev/null 2>&1";
	local $house->{imapd} = "$top/as";
	my $carol = $house->session('carol');
	is(names($carol->cmd('LIST "" "shared.*"')), 'shared.nick shared.nick.deep shared.nick.deep.archive shared.nick.news', 'a folder that is not open is not listed');
	my @r = $carol->cmd('SELECT shared.nick.deep.archive');
	like($r[-1], qr/^OK/, 'a moderated folder');
	like(join(' ', $carol->cmd('FETCH 1 (BODY[TEXT])')), qr/body 10/, 'is read, with marks of one\'s own');
	is(scalar(grep { $_ eq '* 1 EXISTS' } @r), 1, 'but not what only its owner can move from new/');
	like(($carol->append('shared.nick.deep.archive', "x\n\ny\n"))[-1], qr/^NO \[NOPERM\]/, 'but not written');
	$carol->cmd('STORE 1 +FLAGS (\\Deleted)');
	like($carol->last('EXPUNGE'), qr/^NO \[NOPERM\]/, 'nor emptied');
	is(scalar(real('deep.archive')), 2, 'the messages are there');
	like(($carol->append('shared.nick.news', "Subject: hers\n\nwords\n"))[-1], qr/^OK/, 'an unmoderated one is written');
	$carol->cmd('SELECT shared.nick.news');
	$carol->cmd('STORE 1 +FLAGS (\\Deleted)');
	like($carol->last('EXPUNGE'), qr/^NO \[NOPERM\]/, 'the messages of others stay (sticky bit)');
	$carol->cmd('STORE 1 -FLAGS (\\Deleted)');
	my @all = $carol->cmd('SEARCH SUBJECT hers');
	my ($n) = $all[0] =~ /(\d+)/;
	$carol->cmd("STORE $n +FLAGS (\\Deleted)");
	like($carol->last('EXPUNGE'), qr/^OK/, 'one\'s own go');
	is($carol->end, 0, 'ends well');
};

subtest 'MDIR-0011: maildirshared of all accounts' => sub {
	unlink "$top/home/bob/Maildir/shared-maildirs";
	$house->spew('etc/maildirshared', "# everybody's\nall\t$top/pub\nbad.name\t$top/pub\nrel\tpub\nnone\t$top/nothing\n../up\t$top/pub\n");
	my $bob = $house->session('bob');
	like(names($bob->cmd('LIST "" "shared.%"')), qr/^shared\.all$/, 'its names');
	like($bob->last('SELECT shared.all.news'), qr/^OK/, 'can be used');
	$bob->end;
};

subtest 'what lies' => sub {
	$house->folder('carol', 'Secret', 1);
	chmod 0700, "$top/home/carol", "$top/home/carol/Maildir";
	my ($message) = glob "$top/home/carol/Maildir/.Secret/cur/*";
	$house->spew('home/bob/Maildir/shared-maildirs', "carol $top/home/carol/Maildir\nroot /\netc /etc\nnick $top/pub\n");
	my $bob = $house->session('bob');
	unlike(names($bob->cmd('LIST "" "shared.*"')), qr/carol|root|etc/, 'a Maildir that is not open is not shared, whatever shared-maildirs says');
	like($bob->last('SELECT shared.carol.Secret'), qr/^NO \[NONEXISTENT\]/, 'and not opened');
	$bob->cmd('SELECT shared.nick.news');
	my $cur = "$top/home/bob/Maildir/shared-folders/nick/news/cur";
	symlink $message, "$top/pub/.news/cur/1500000000.M1P1.evil:2," or die;
	$bob->cmd('NOOP');
	unlike(join(' ', $bob->cmd('FETCH 1:* (BODY.PEEK[])')), qr/of carol/, 'a link in the shared folder is not followed');
	unlink "$top/pub/.news/cur/1500000000.M1P1.evil:2,";
	my ($link) = glob "$cur/*";
	unlink $link;
	symlink $message, $link or die;
	$bob->end;
	$bob = $house->session('bob');
	$bob->cmd('SELECT shared.nick.news');
	unlike(join(' ', $bob->cmd('FETCH 1:* (BODY.PEEK[])')), qr/of carol/, 'nor one in the copy');
	remove_tree("$top/pub/.news");
	my @r = $bob->cmd('FETCH 1 (BODY.PEEK[])');
	unlike("@r", qr/^closed/, 'the folder goes while it is selected: an answer');
	unlike(names($bob->cmd('LIST "" "shared.*"')), qr/news/, 'and goes on');
	like($bob->last("SELECT \"$_\""), qr/^NO/, "SELECT $_") for ('shared.nick', 'shared.nick.', 'shared.nick..x', 'shared.nick./etc', 'shared', 'shared.');
	is($bob->end, 0, 'ends well');
};

unlike($house->slurp('log') // '', qr/Sanitizer: |runtime error:/, 'nothing for the sanitizers');
done_testing;
