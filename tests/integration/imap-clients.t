#!/usr/bin/perl
# Clients that were not written here, through the tunnel of a shell session: mbsync, mutt and
# Mail::IMAPClient.
use strict;
use warnings;
use Test::More;
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use Socket;

my $imapd = $ENV{IMAPD} || ($ENV{COURIER_TEST_PREFIX} || '') . '/libexec/courier/imapd';
BAIL_OUT("no $imapd: run the tests with ./runtests, or set IMAPD") unless -x $imapd;
delete @ENV{qw(MAILDIR AUTHENTICATED IMAP_LOGIN_TAG IMAP_INITIAL OPTIONS MAILDIRQUOTA)};
$SIG{ALRM} = sub { BAIL_OUT('no end in sight') };
alarm 120;

my $top = tempdir(CLEANUP => 1);
make_path("$top/etc", "$top/var", "$top/home");
$ENV{COURIER_HOME} = $top;
$ENV{HOME} = "$top/home";

sub found { return grep { -x "$_/$_[0]" } split /:/, $ENV{PATH} }

sub spew {
	my ($path, $text) = @_;
	open my $f, '>:raw', $path or die "$path: $!";
	print $f $text;
	close $f or die;
}

sub maildir {
	my ($name, $n) = @_;
	make_path(map {"$top/$name/$_"} qw(tmp new cur));
	spew("$top/$name/new/$_.M1P1.host", "From: a\@example.com\nSubject: message $_\nMessage-ID: <$_\@$name>\n\nbody $_\n")
		for 1 .. ($n || 0);
	return "$top/$name";
}

sub bodies {
	my ($dir) = @_;
	my @all;
	for my $path (glob "$dir/{new,cur}/*") {
		open my $f, '<:raw', $path or next;
		local $/;
		push @all, scalar(<$f>) =~ /^Subject: (.*?)\r?$/m;
	}
	return join '|', sort @all;
}

subtest 'mbsync' => sub {
	plan skip_all => 'mbsync (isync) is not installed' unless found('mbsync');
	my $far = maildir('far', 5);
	my $near = "$top/near";
	make_path("$near/INBOX");
	spew("$top/mbsyncrc", <<"END");
IMAPAccount far
Tunnel "$imapd $far"

IMAPStore far
Account far

MaildirStore near
Path $near/
Inbox $near/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create Both
Remove Both
Expunge Both
SyncState *
END
	my $sync = sub {
		my $out = `mbsync -c $top/mbsyncrc -a 2>&1`;
		is($?, 0, "sync: $_[0]") or diag $out;
	};
	$sync->('first');
	is(bodies("$near/INBOX"), bodies($far), 'the messages are here');
	is(scalar(@{[glob "$near/INBOX/{new,cur}/*"]}), 5, 'five');
	spew("$near/INBOX/new/9.x.host", "From: b\@example.com\nSubject: from here\n\nx\n");
	my ($file) = sort glob "$near/INBOX/{new,cur}/*U=1*";
	(my $seen = $file) =~ s,/new/,/cur/,;
	$seen =~ s/(:2,\w*)?$/:2,FS/;
	rename $file, $seen or die;
	$sync->('changes from here');
	like(bodies($far), qr/from here/, 'uploaded');
	is(scalar(@{[grep {/:2,FS$/} glob "$far/cur/*"]}), 1, 'flags went over');
	make_path(map {"$far/.Box/$_"} qw(tmp new cur));
	spew("$far/.Box/maildirfolder", '');
	spew("$far/.Box/new/1.y.host", "Subject: in a box\n\nx\n");
	my ($gone) = grep {/^\Q$far\E.cur.3\./} glob "$far/cur/*";
	unlink $gone or die;
	$sync->('changes from there');
	is(bodies("$near/INBOX"), bodies($far), 'removal');
	is(bodies("$near/Box"), 'in a box', 'a new folder') or diag `find $near`;
	$sync->('nothing to do');
	is(bodies("$near/INBOX"), bodies($far), 'the same');
};

subtest 'mutt' => sub {
	plan skip_all => 'mutt is not installed' unless found('mutt');
	my $dir = maildir('mutt', 3);
	spew("$top/muttrc", <<"END");
set tunnel="$imapd $dir"
set folder="imap://localhost/"
set spoolfile="imap://localhost/INBOX"
set header_cache=""
set copy=no
set move=no
set quit=yes
set delete=yes
set sort=mailbox-order
set confirmappend=no
set confirmcreate=no
set crypt_use_gpgme=no
push "<first-entry><save-message>imap://localhost/INBOX.Saved<enter><next-entry><flag-message><sync-mailbox><quit>"
END
	local $ENV{TERM} = 'vt100';
	my $out = `script -qec 'mutt -n -F $top/muttrc' /dev/null < /dev/null 2>&1`;
	is(bodies("$dir/.Saved"), 'message 1', 'saved to a folder that mutt made') or diag $out;
	is(bodies($dir), 'message 2|message 3', 'and removed from INBOX');
	ok(scalar(grep {/:2,\w*F/} glob "$dir/cur/*"), 'flag');
};

subtest 'Mail::IMAPClient' => sub {
	eval { require Mail::IMAPClient; 1 } or plan skip_all => 'Mail::IMAPClient is not installed';
	my $dir = maildir('perl', 4);
	socketpair(my $ours, my $theirs, AF_UNIX, SOCK_STREAM, PF_UNSPEC) or die "socketpair: $!";
	my $pid = fork;
	if (!$pid) {
		close $ours;
		open STDIN, '<&', $theirs or die;
		open STDOUT, '>&', $theirs or die;
		exec $imapd, $dir;
	}
	close $theirs;
	sysread $ours, my $greeting, 4096;
	like($greeting, qr/^\* PREAUTH.*\n\z/, 'greeting');
	my $imap = Mail::IMAPClient->new(Uid => 1, Peek => 1, Ignoresizeerrors => 1);
	$imap->RawSocket($ours);
	$imap->State(Mail::IMAPClient::Authenticated());
	ok($imap->has_capability('MOVE'), 'capability');
	ok($imap->select('INBOX'), 'select') or diag $imap->LastError;
	my @all = $imap->messages;
	is(scalar(@all), 4, 'messages');
	is($imap->subject($all[0]), 'message 1', 'subject');
	is_deeply([$imap->search('SUBJECT', 'message 3')], [$all[2]], 'search') or diag $imap->LastError, $imap->History;
	like($imap->body_string($all[1]), qr/^body 2/, 'body');
	ok($imap->create('INBOX.Folder') && $imap->exists('INBOX.Folder'), 'create');
	ok($imap->copy('INBOX.Folder', $all[0]), 'copy');
	ok($imap->move('INBOX.Folder', $all[1]), 'move');
	ok($imap->set_flag('Flagged', $all[2]) && $imap->search('FLAGGED'), 'flag');
	ok($imap->delete_message($all[3]) && $imap->expunge, 'expunge');
	my $uid = $imap->append_string('INBOX.Folder', "Subject: appended\r\n\r\ntext\r\n", '\Seen');
	ok($uid, 'append');
	is($imap->message_count('INBOX.Folder'), 3, 'three in the folder');
	ok($imap->select('INBOX.Folder'), 'select it');
	like($imap->message_string($uid), qr/^Subject: appended\r\n\r\ntext\r\n$/, 'the same text');
	is_deeply([sort $imap->folders], ['INBOX', 'INBOX.Folder'], 'folders');
	ok($imap->logout, 'logout');
	waitpid $pid, 0;
	is($?, 0, 'exit status');
};

done_testing;
