#!/usr/bin/perl
# courier import-queue: a queue directory as the original leaves it (MTA-2201 MTA-2202 MTA-2211: names,
# two links, ids) becomes ours: what was done stays done, the rest is delivered, ends, or waits.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Courier::FakeSMTP;
use Courier::Test;
use File::Path qw(make_path);

my $host = Courier::FakeSMTP->new(on => {RCPT => sub { return $_[0] =~ /late/ ? '450 4.2.0 try later' : '250 2.1.5 Ok' }});
my $t = Courier::Test->new(config => {submit => {BOFHSUPPRESSBACKSCATTER => 'none'}},
	files => {esmtproutes => ":[127.0.0.1]," . $host->port . "\n", resolver => "127.0.0.1\@9\n"});

my $old = $t->scratch . '/old';
my $now = time;
my $inode = 10988029;

# Control and data file, and the second link that says when the next attempt is.
sub queued {
	my ($records, $body, $next) = @_;
	my $nr = $inode++;
	my $id = sprintf '%016X.%016X.%08X', $nr, $now - 7200, 75;
	$records =~ s/^M\n/M$id\n/m or die;
	make_path("$old/msgs/" . $nr % 100, "$old/msgq/" . int($next / 10000));
	my $c = "$old/msgs/" . $nr % 100 . "/C$nr";
	for my $file ([$c, $records . "A$next\n"], ["$old/msgs/" . $nr % 100 . "/D$nr", $body]) {
		open my $f, '>', $file->[0] or die;
		print $f $file->[1];
		close $f;
	}
	link $c, "$old/msgq/" . int($next / 10000) . "/C$nr.$next";
	return $id;
}
my ($expiry, $warn) = ($now + 600000, $now + 7200);
my $partly = queued("salice\@example.test\nfdns; localhost (localhost [127.0.0.1])\ne\nt\nM\nrbob\@example.test\nR\nN\nrgood\@far.test\nR\nN\n"
	. "ODSNNOTIFY=\nulocal\nE$expiry\np$warn\nW$warn\nA$now\nI1 R Connection refused\nD1 $now\nS0 $now l\nC$now\n", "Received: one\nSubject: partly\n\ntext\n", $now - 10);
my $large = queued("salice\@example.test\nfdns; c\ne\nt\nM\nrbob\@example.test\nR\nN\nulocal\nE$expiry\nW$warn\n", "Subject: large\n\n" . 'x' x 70 . "\n" x 1 . ('line of text' x 5 . "\n") x 3000, $now - 10);
my $waiting = queued("sbob\@example.test\nfdns; c\neenv\ntH\nM\nrlater\@far.test\nRrfc822;l\@first.test\nNSFD\nuauthsmtp\nibob\nE$expiry\nW$warn\nC$now\nD0 $now\n", "Subject: waiting\n\n", $now + 3600);
# tried often enough: nobody's mail comes back for a clock alone
my $late = queued("sbob\@example.test\nfdns; c\ne\nt\nM\nrx\@late.test\nR\nN\nulocal\nE" . ($now - 5) . "\nW$warn\n" . "I0 R 450 try later\nD0 $now\nC$now\n" x 40, "Subject: late\n\n", $now - 5);
my $cancelled = queued("sbob\@example.test\nfdns; c\ne\nt\nM\nrx\@cancel.test\nR\nN\nulocal\nE$expiry\nW$warn\nXnot any more\n", "Subject: cancelled\n\n", $now - 5);
queued("nothing\nM\n", "Subject: faulty\n\n", $now);
make_path("$old/msgs/77");
open my $empty, '>', "$old/msgs/77/C77" or die;
close $empty;
# what root reads, whoever owns it
if ($> == 0) { my $u = getpwnam 'nobody'; chown $u, -1, $_ for glob "$old/msgs/*/*"; chmod 0600, glob "$old/msgs/*/*" }
my @before = sort glob "$old/msgs/*/*";

like($t->command('courier', 'import-queue'), qr/^usage: /, 'a folder is needed');
isnt($?, 0, 'or it fails');
my $out = $t->command('courier', 'import-queue', '-n', $old);
like($out, qr/^\Q$partly\E$/m, 'a look beforehand');
like($out, qr/5 messages would be imported/, 'counts');
$out = $t->command('courier', 'import-queue', $old);
like($out, qr/^\Q$_\E [0-9A-F.]{42}$/m, "$_ has a new id") for $partly, $large, $waiting, $late, $cancelled;
like($out, qr/5 messages imported, 0 known already, 2 faulty/, 'all but the faulty ones') or diag $out;
isnt($?, 0, 'which are an error');
like($t->command('courier', 'import-queue', $old), qr/ 0 messages imported, 5 known already/, 'a second time there is nothing to do');
is_deeply([sort glob "$old/msgs/*/*"], \@before, 'the old queue is as it was');
my %owner = map {(stat $_)[4] => 1} ($t->path('var/queue'), glob($t->path('var/queue/*/*')), glob($t->path('var/queue/msgs/*/*')));
is(scalar(keys %owner), 1, 'all files belong to the queue\'s user');

$t->start;
like($t->command('courier', 'import-queue', $old), qr/stop the system first/, 'not while the system runs');
ok($t->wait_mail('bob', qr/^Subject: large$/m), 'the one that was new is delivered');
my ($m) = map {$_->[1]} grep {$_->[1] =~ /Subject: large/} $t->mailbox('bob');
cmp_ok(length $m, '>', 180000, 'whole');
ok($t->wait_for(20, sub { scalar($t->log_lines(qr/addr=<good\@far\.test>,success/)) }), 'the open recipient of another has it');
is(scalar(grep {$_->[1] =~ /Subject: partly/} $t->mailbox('bob')), 0, 'the one that was done is not tried again');
ok($t->wait_mail('bob', qr/x\@late\.test.*could not be delivered in time|450 try later/s), 'the one whose time is up goes back');
ok($t->wait_mail('bob', qr/not any more/), 'so does the cancelled one');
ok($t->wait_for(20, sub { $t->command('mailq') =~ /   1 messages\./ }), 'one waits');
$out = $t->command('mailq', '-batch');
my $owner = $> == 0 ? 'nobody' : '\S+';
like($out, qr/;$owner;bob\@example\.test;;later\@far\.test;/, 'MTA-2237: for its time, and belongs to who sent it');
my ($id) = $out =~ /;([0-9A-F.]{42});/;
like($t->command('courier', 'show', $id), qr/^next\t@{[$now + 3600]}$/m, 'MTA-2230: which is the old one');
like($t->command('courier', 'show', $id), qr/^rounds\t1$/m, 'MTA-2226: attempts are counted on');
done_testing;
