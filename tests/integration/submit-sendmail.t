#!/usr/bin/perl
# sendmail, its SMTP mode, the drop folder, mailq and cancelmsg.
use strict;
use warnings;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Courier::Test;

my $t = Courier::Test->new(users => ['alice', 'bob'], config => {courierd => {}});
$t->start;

# Runs a program with this text on its standard input: (exit status, output).
sub feed {
	my ($text, $name, @args) = @_;
	my $in = $t->scratch . '/input';
	open my $fh, '>', $in or die $!;
	print $fh $text;
	close $fh;
	my $pid = open my $out, '-|';
	if (!$pid) {
		$ENV{COURIER_HOME} = $t->path('');
		open STDIN, '<', $in;
		open STDERR, '>&', \*STDOUT;
		exec Courier::Test::program($name), @args or exit 127;
	}
	local $/;
	my $said = <$out>;
	close $out;
	return ($? >> 8, defined $said ? $said : '');
}

my ($rc, $out) = feed("Subject: one\n\nbody one\n.\nlast\n", 'sendmail', '-oi', '-f', 'someone@far.example', 'alice');
is($rc, 0, 'a message with a recipient on the command line') or diag $out;
my $m = $t->wait_mail('alice', qr/^Subject: one$/m);
like($m, qr/^Return-Path: <someone\@far\.example>$/m, 'sender of -f');
like($m, qr/\n\nbody one\n\.\nlast\n\z/, 'a lone dot is text');
like($m, qr/^Message-ID: <courier\.[0-9A-F]{16}\.[0-9A-F]{8}\@/m, 'Message-ID added');
like($m, qr/^Date: /m, 'Date added');
like($m, qr/^From: .*\@example\.test/m, 'From made up, in the default domain');
like($m, qr/^Received: from localhost.*\n\s+\(uid \d+\)/m, 'MTA-1220: Received says who');

($rc, $out) = feed("To: Bob <bob>\r\nBcc: alice\r\nSubject: two\r\n\r\ntext\r\n", 'sendmail', '-t', '-oem');
is($rc, 0, 'recipients from the header') or diag $out;
$m = $t->wait_mail('alice', qr/^Subject: two$/m);
ok($m, 'the Bcc recipient has it');
unlike($m, qr/^Bcc/mi, 'without Bcc');
$m = $t->wait_mail('bob', qr/^Subject: two$/m);
like($m, qr/^To: Bob <bob\@example\.test>$/m, 'a bare name gets its domain');
unlike($m, qr/\r/, 'no CR is stored');

($rc, $out) = feed("From: x\@y.example\nSubject: 8bit\n\ncaf\xc3\xa9\n", 'sendmail', 'alice');
is($rc, 0, '8-bit text without MIME header from a program');
$m = $t->wait_mail('alice', qr/^Subject: 8bit$/m);
like($m, qr/^Content-Type: text\/plain; charset=utf-8$/m, 'is called UTF-8');

($rc) = feed("just text\nmore\n", 'sendmail', 'alice');
is($rc, 0, 'text without a header');
ok($t->wait_mail('alice', qr/\n\njust text\nmore\n\z/), 'arrives as body');

my $big = join '', map {"line $_ of a large message, which is more than the gate keeps in memory\n"} 1 .. 20000;
($rc, $out) = feed("Subject: big\n\n$big", 'sendmail', 'alice', 'bob');
is($rc, 0, 'a large message') or diag $out;
$m = $t->wait_mail('bob', qr/^Subject: big$/m);
is(substr($m, -length $big), $big, 'is whole');

($rc, $out) = feed("Subject: none\n\n", 'sendmail');
is($rc, 67, 'no recipients: EX_NOUSER');
like($out, qr/no recipients/, 'and says so');
($rc, $out) = feed("\n", 'sendmail', '-N', 'sometimes', 'alice');
is($rc, 64, 'a wrong option: EX_USAGE');
($rc, $out) = feed("Subject: x\n\n", 'sendmail', 'al ice@@example');
is($rc, 67, 'a malformed recipient is refused at once') or diag $out;
($rc, $out) = feed("Subject: x\n\nhello\n", 'sendmail', '-n', 'alice');
like($out, qr/^Subject: x\nFrom: .*\n\nhello\n\z/, '-n shows the message');

($rc) = feed("Subject: lost\n\nx\n", 'sendmail', '-f', 'bob@example.test', 'nobody@example.test');
is($rc, 0, 'an unknown user is not told at once');
ok($t->wait_mail('bob', qr/nobody\@example\.test/), 'but by a report');

($rc, $out) = feed("EHLO me\r\nMAIL FROM:<bob\@example.test> SIZE=10\r\nRCPT TO:<alice>\r\nRCPT TO:<alice\@example.test>\r\n"
	. "DATA\r\nSubject: smtp\r\n\r\n..dot\r\n.\r\nQUIT\r\n", 'sendmail', '-bs');
is($rc, 0, 'SMTP on a pipe');
like($out, qr/^220 .*^250 .*^354 .*^250 2\.0\.0 Ok\. [0-9A-F.]+\r\n221 /ms, 'its dialogue') or diag $out;
like($t->wait_mail('alice', qr/^Subject: smtp$/m), qr/\n\n\.dot\n\z/, 'its message');

# ---- the queue -------------------------------------------------------------------------------

($rc) = feed("Subject: stuck\n\n", 'sendmail', '-f', 'bob@example.test', 'x@[127.0.0.1]');
my $list = $t->wait_for(10, sub { my $o = $t->command('mailq', '-batch'); $o =~ /x\@\[127/ && $o });
SKIP: {
	skip 'the message did not wait', 4 if !$list;
	my ($id) = $list =~ /^\d+ *;([0-9A-F.]{42});/m;
	ok($id, 'mailq -batch shows the id') or diag $list;
	like($list, qr/;<?bob\@example\.test>?;.*;x\@\[127\.0\.0\.1\];\nmessages: 1\n/, 'sender and recipient');
	like($t->command('mailq'), qr/\Q$id\E.*1 messages\./s, 'mailq shows it');
	$t->command('cancelmsg', $id, 'not', 'wanted');
	is($?, 0, 'cancelmsg');
	ok($t->wait_mail('bob', qr/not wanted/), 'the sender is told why');
}
$t->command('mailq', '-wrong');
is($? >> 8, 1, 'mailq with a wrong option');
$t->command('cancelmsg', '0000000000000000.0000000000000000.00000000');
is($? >> 8, 1, 'cancelmsg of nothing');

# ---- the drop folder -------------------------------------------------------------------------

$t->stop;
($rc, $out) = feed("Subject: later\n\nwhile it was down\n", 'sendmail', '-V', 'e id', '-R', 'hdrs', 'alice');
is($rc, 0, 'the system is down: sendmail still takes mail') or diag $out;
my @files = grep {-f} glob $t->path('var/drop/*');
is(scalar @files, 1, 'in the drop folder');
is((stat $files[0])[2] & 0777, 0644, 'where the gate can read it') if @files;
my @folder = stat $t->path('var/drop');
is($folder[2] & 07777, 01730, 'nobody but its owner can list the folder');
SKIP: {
	skip 'the groups are an instance of root\'s', 5 if $> != 0;
	my @gate = getpwnam('courier-gate') or skip 'no user courier-gate', 5;
	my $group = getgrnam('courier-drop');
	is($folder[4], $gate[2], 'the folder is the gate\'s');
	is($folder[5], $group, 'MTA-3003: its group is sendmail\'s');
	isnt($group, $gate[3], 'which is not the gate\'s');
	# who has that group alone, as the set-gid program gives it
	my $give = sub {
		my ($gid) = @_;
		my $pid = fork;
		if (!$pid) {
			$ENV{COURIER_HOME} = $t->path('');
			open STDOUT, '>', '/dev/null';
			open STDERR, '>', '/dev/null';
			open my $in, '-|', 'printf "Subject: grouped\\n\\nx\\n"' or exit 126;
			open STDIN, '<&', $in;
			($), $() = ("$gid $gid", $gid);
			($<, $>) = (65534, 65534);
			exec Courier::Test::program('sendmail'), 'alice' or exit 127;
		}
		waitpid $pid, 0;
		return $? >> 8;
	};
	is($give->($group), 0, 'a user with the group can leave mail there');
	is($give->(65534), 75, 'a user without it can\'t');
}
($rc) = feed("Subject: secret\n\n", 'sendmail', '-S', 'STARTTLS', 'alice');
is($rc, 75, 'what only the gate can promise is not dropped');
$t->file('var/drop/junk', "hello\n\n");
$t->file('var/drop/half', "courier-drop 1\nrcpt alice\t\t0\nbytes 100\n\nnot all");
$t->start;
ok($t->wait_mail('alice', qr/^Subject: later\b.*while it was down/ms), 'is taken up at the start');
ok($t->wait_for(10, sub { !-e $files[0] }), 'and then removed');
ok($t->wait_for(10, sub { -e $t->path('var/drop/.refused-junk') }), 'junk is set aside');
ok(-e $t->path('var/drop/half'), 'an unfinished file stays');

done_testing;
