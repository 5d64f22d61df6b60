#!/usr/bin/perl
# The folder whose mail is sent (IMAP-0170, and what APPEND, IMAP-0114, and COPY, IMAP-0132, do with it), and
# its settings: OUTBOX (IMAP-0055), SENDMAIL (IMAP-0056), HEADERFROM (IMAP-0057), OUTBOX_MULTIPLE_SEND
# (IMAP-0058).
use strict;
use warnings;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Courier::ImapPipe;

my $top = top();
my $sent = "$top/sent";
spew("$top/send", "#!/bin/sh\n(printf '%s\\n' \"args: \$*\"; cat; readlink /proc/self/fd/0 | grep -c pipe) >>$sent; exit 0\n");
spew("$top/fail", "#!/bin/sh\necho 'no such recipient'\nexit 75\n");
chmod 0755, "$top/send", "$top/fail";
$ENV{AUTHADDR} = 'me@example.com';

sub append {
	my ($c, $folder, $text) = @_;
	$c->put("a1 APPEND $folder (\\Seen) {" . length($text) . "+}\r\n$text\r\n");
	return ($c->reply('a1'))[-1];
}

my $mail = "To: you\@example.com\r\nSubject: x\r\n\r\nhello\r\n";

subtest 'sent and kept' => sub {
	settings("OUTBOX=.Outbox\nSENDMAIL=$top/send\n");
	my $dir = maildir();
	my $c = client($dir);
	like($c->{greeting}, qr/ XCOURIEROUTBOX=INBOX\.Outbox[ \]]/, 'IMAP-0170: announced');
	like(append($c, 'INBOX.Outbox', $mail), qr/^NO \[TRYCREATE\]/, 'no folder');
	ok(!-e $sent, 'nothing sent');
	$c->cmd('CREATE INBOX.Outbox');
	like(append($c, 'INBOX.Outbox', $mail), qr/^OK \[APPENDUID \d+ 1\]/, 'append');
	is(slurp($sent), "args: -oi -t -f me\@example.com\nX-IMAP-Sender: me\@example.com\n"
		. "To: you\@example.com\nSubject: x\n\nhello\n0\n", 'what was sent');
	my ($file) = glob "$dir/.Outbox/cur/*";
	is(slurp($file), "To: you\@example.com\nSubject: x\n\nhello\n", 'the copy has no header of ours');
	unlink $sent;
	append($c, 'INBOX', $mail) for 1 .. 3;
	ok(!-e $sent, 'other folders send nothing');
	$c->cmd('SELECT INBOX');
	like(($c->cmd('COPY 2 INBOX.Outbox'))[-1], qr/^OK \[COPYUID \d+ 2 2\]/, 'copy');
	like(slurp($sent), qr/^args: .*\nX-IMAP-Sender: .*\nTo: you/, 'sends');
	unlink $sent;
	like(($c->cmd('COPY 1:2 INBOX.Outbox'))[-1], qr/^NO \[ALERT\] Only one/, 'IMAP-0058: several');
	ok(!-e $sent, 'are not sent');
	like(($c->cmd('MOVE 1 INBOX.Outbox'))[-1], qr/^OK/, 'move');
	ok(-e $sent, 'sends');
	has('is there', qr/MESSAGES 3/, $c->cmd('STATUS INBOX.Outbox (MESSAGES)'));
	is($c->end, 0, 'the end');
};

subtest 'not sent and not kept' => sub {
	settings("OUTBOX=.Outbox\nSENDMAIL=$top/fail\n");
	my $dir = maildir();
	put($dir, message(To => 'x'), flags => '');
	my $c = client($dir);
	$c->cmd('CREATE INBOX.Outbox');
	like(append($c, 'INBOX.Outbox', $mail), qr/^NO \[ALERT\] .*no such recipient/, 'append');
	$c->cmd('SELECT INBOX');
	like(($c->cmd('COPY 1 INBOX.Outbox'))[-1], qr/^NO \[ALERT\]/, 'copy');
	like(($c->cmd('MOVE 1 INBOX.Outbox'))[-1], qr/^NO \[ALERT\]/, 'move');
	has('still here', qr/MESSAGES 1/, $c->cmd('STATUS INBOX (MESSAGES)'));
	has('nothing there', qr/MESSAGES 0/, $c->cmd('STATUS INBOX.Outbox (MESSAGES)'));
	is(scalar(@{[glob "$dir/.Outbox/tmp/*"]}), 0, 'nor in tmp');
	$c->end;
	settings("OUTBOX=.Outbox\nSENDMAIL=$top/none\n");
	$c = client($dir);
	like(append($c, 'INBOX.Outbox', $mail), qr/^NO \[ALERT\]/, 'no such program');
	is(($c->cmd('NOOP'))[-1], 'OK NOOP completed', 'the session goes on');
	$c->end;
};

subtest 'settings' => sub {
	settings("OUTBOX=.Out.box\nSENDMAIL=\"$top/send -v\"\nHEADERFROM=X-Me\nOUTBOX_MULTIPLE_SEND=1\n");
	my $dir = maildir();
	put($dir, message(To => $_), flags => '') for 1 .. 2;
	unlink $sent;
	my $c = client($dir);
	like($c->{greeting}, qr/XCOURIEROUTBOX=INBOX\.Out\.box/, 'IMAP-0055: the name');
	$c->cmd('CREATE INBOX.Out.box');
	$c->cmd('SELECT INBOX');
	like(($c->cmd('COPY 1:2 INBOX.Out.box'))[-1], qr/^OK/, 'several');
	is(() = slurp($sent) =~ /^args: -v -oi -t -f me\@example.com\nX-Me: me\@example.com\nTo: \d$/mg, 2, 'IMAP-0056, IMAP-0057: command and header');
	$c->end;
	settings("HEADERFROM=\nSENDMAIL=$top/send\n");
	$c = client($dir);
	unlike($c->{greeting}, qr/XCOURIEROUTBOX/, 'none');
	unlink $sent;
	append($c, 'INBOX.Out.box', $mail);
	ok(!-e $sent, 'nothing is sent then');
	$c->end;
};

done_testing;
