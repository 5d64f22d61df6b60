#!/usr/bin/perl
# What sessions of IMAP and POP3 do with files in Maildirs: MDIR-0046 MDIR-0047 MDIR-0051 MDIR-0054
use strict;
use warnings;
use Test::More;
use Net::POP3;
use Courier::Test;

my $t = Courier::Test->new(users => ['alice'], config => {'imapd-ssl' => {IMAP_TLS_REQUIRED => 0}, 'pop3d-ssl' => {POP3_TLS_REQUIRED => 0}});
my $maildir = $t->maildir('alice');
my ($uid, $gid) = (stat $maildir)[4, 5];
sub own { chown $uid, $gid, @_ if $> == 0; return }
sub put {
	my ($file, $text, $mode) = @_;
	open my $f, '>', $file or die "$file: $!";
	print $f $text;
	close $f;
	own($file);
	chmod $mode // 0600, $file;
	return;
}
sub slurp { my ($file) = @_; open my $f, '<', $file or return ''; local $/; return scalar <$f> // '' }
sub folder {
	my ($path) = @_;
	for my $d ('', '/cur', '/new', '/tmp') { mkdir "$path$d", 0700 or die "$path$d: $!"; own("$path$d") }
	put("$path/maildirfolder", '');
	put("$path/cur/1700000009.M1P1.h:2,S", "Subject: inside\n\ntext\n");
	return;
}

sub imap {
	my (@commands) = @_;
	my $s = $t->connect('imap');
	my ($n, @answers) = (0);
	scalar readline $s;
	for my $command ("LOGIN alice $Courier::Test::PASSWORD", @commands, 'LOGOUT') {
		my $tag = 'a' . ++$n;
		print $s "$tag $command\r\n";
		my $text = '';
		while (defined(my $line = readline $s)) { $text .= $line; last if $line =~ /^$tag / }
		push @answers, $text;
	}
	return @answers[1 .. @commands];
}
sub pop3 {
	my $p = Net::POP3->new('127.0.0.1', Port => $t->port('pop3'), Timeout => 20) or return;
	return defined $p->login('alice', $Courier::Test::PASSWORD) ? $p : undef;
}

put("$maildir/new/170000000$_.M1P1.h", "Subject: m$_\n\nline $_\n") for 1 .. 3;
$t->start;

# ---- the list of sizes
my $p = pop3() or BAIL_OUT($t->log);
my $ids = $p->uidl;
$p->quit;
like(slurp("$maildir/courierpop3dsizelist"), qr{^/3 4 \d+\n(?:170000000\S+ 23 \d:\d+:0\n){3}\z}, 'MDIR-0046 sizes and identifiers are kept');
put("$maildir/courierpop3dsizelist", "/2 90 1700000000\n1700000001.M1P1.h 22 77:1700000000\n");
$p = pop3();
is($p->uidl->{1}, 'UID77-1700000000', 'MDIR-0046 and those of before count');
$p->quit;

# ---- a hook
for my $who ('imap', 'pop3') {
	my $session = sub { $who eq 'imap' ? imap('NOOP') : do { my $s = pop3(); $s->quit if $s } };
	put("$maildir/loginexec", "#!/bin/sh\npwd >>hook.$who; exit \$(cat hook.$who | wc -l | grep -c -v 2)\n", 0700);
	$session->();
	is(slurp("$maildir/hook.$who"), "$maildir\n", "MDIR-0047 $who: loginexec runs in the Maildir");
	ok(-e "$maildir/loginexec", "MDIR-0047 $who: it stays while it fails");
	$session->();
	ok(!-e "$maildir/loginexec", "MDIR-0047 $who: and is removed when it has succeeded");
	$session->();
	is(slurp("$maildir/hook.$who"), "$maildir\n" x 2, "MDIR-0047 $who: once is enough");
	put("$maildir/loginexec", "#!/bin/sh\ntouch never\n", 0600);
	$session->();
	ok(!-e "$maildir/never", "MDIR-0047 $who: only an executable one");
	unlink "$maildir/loginexec";
}

# ---- symbolic links
my $outside = $t->path('mail/outside');
mkdir $outside, 0755 or die $!;
own($outside);
folder("$outside/f");
folder("$maildir/.real");
folder("$maildir/.half");
rename "$maildir/.half/cur", "$maildir/.real/elsewhere" or die $!;
symlink '../.real/elsewhere', "$maildir/.half/cur" or die $!;
symlink "$outside/f", "$maildir/.out" or die $!;
symlink '.real', "$maildir/.near" or die $!;
put("$outside/secret", "Subject: secret\n\nsecret\n");
symlink "$outside/secret", "$maildir/new/1700000005.M1P1.h" or die $!;
my ($list, @select) = imap('LIST "" *', map {"STATUS INBOX.$_ (MESSAGES)"} qw(real near half out));
like($list, qr/INBOX\.real\b/, 'MDIR-0051 a folder');
unlike($list, qr/INBOX\.(?:near|half|out)\b/, 'MDIR-0051 links are no folders');
like($select[0], qr/MESSAGES 1/, 'MDIR-0051 the folder is served');
like($select[$_], qr/^a\d+ NO /m, 'MDIR-0051 a link is not, wherever it leads') for 1 .. 3;
my $fetch = join '', imap('SELECT INBOX', 'FETCH 1:* BODY.PEEK[]');
like($fetch, qr/Subject: m1/, 'MDIR-0051 messages');
unlike($fetch, qr/secret/, 'MDIR-0051 a link to a file outside is no message');
$p = pop3();
my $texts = join '', map { @{$p->get($_) || []} } sort keys %{$p->list || {}};
like($texts, qr/Subject: m1/, 'MDIR-0051 POP3: messages');
unlike($texts, qr/secret/, 'MDIR-0051 POP3: no link');
$p->quit;

$t->configure($_ => {MAILDIR_SKIP_SYMLINK_CHECKS => 1}) for 'imapd', 'pop3d';
$t->command('courier', '-C', $t->path(''), 'reload');
($list, @select) = imap('LIST "" *', map {"STATUS INBOX.$_ (MESSAGES)"} qw(near half));
like($list, qr/INBOX\.near\b/, 'MDIR-0054 links that are allowed are folders');
like($select[$_], qr/MESSAGES 1/, 'MDIR-0054 and are served') for 0, 1;
$fetch = join '', imap('SELECT INBOX', 'FETCH 1:* BODY.PEEK[]');
unlike($fetch, qr/secret/, 'MDIR-0054 files are not');

# ---- programs: the environment
for my $case (['', 1], ['0', 1], ['1', 0]) {
	local $ENV{MAILDIR_SKIP_SYMLINK_CHECKS} = $case->[0];
	my $status = system(Courier::Test::prefix() . "/bin/maildirmake -q 1000S $maildir/.near >/dev/null 2>&1");
	is($status != 0 ? 1 : 0, $case->[1], "MDIR-0054 MAILDIR_SKIP_SYMLINK_CHECKS=$case->[0] of a program");
}
is($t->stop, '', 'stops');
done_testing;
