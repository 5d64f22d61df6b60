#!/usr/bin/perl
# The queue as seen from outside: what waits, what is flushed and cancelled, and that a scheduler
# that is killed or starts anew loses and doubles nothing.
use strict;
use warnings;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Courier::Test;
use IO::Socket::UNIX;

my $t = Courier::Test->new(
	config => {esmtpd => {TARPIT => 0}, submit => {BOFHSUPPRESSBACKSCATTER => 'none'}},
	files  => {
		'smtpaccess/default' => "127.0.0.1\tallow,RELAYCLIENT\n",
		esmtproutes          => ": [127.0.0.1],1\n",
	});
$t->command('makesmtpaccess');
$t->start;

sub ask {
	my $s = IO::Socket::UNIX->new(Peer => $t->path('var/run/queue')) or die "control socket: $!";
	print $s "@_\n";
	$s->flush;
	local $/;
	my $answer = <$s>;
	return defined $answer ? $answer : '';
}

sub submit {
	my ($subject, @to) = @_;
	my $s = $t->connect('smtp');
	$t->smtp_reply($s);
	my $r = '';
	for my $c ('EHLO client.test', 'MAIL FROM:<alice@example.test>', (map {"RCPT TO:<$_>"} @to), 'DATA') {
		print $s "$c\r\n";
		$r = $t->smtp_reply($s);
		return $r if $r !~ /^[23]/;
	}
	print $s "From: alice\@example.test\r\nSubject: $subject\r\n\r\ntext\r\n.\r\n";
	return $t->smtp_reply($s);
}

sub copies {
	my ($user, $subject) = @_;
	return scalar grep {$_->[1] =~ /^Subject: \Q$subject\E$/m} $t->mailbox($user);
}

like(submit('local', 'bob@example.test'), qr/^250 /, 'accepted');
ok($t->wait_mail('bob', qr/^Subject: local$/m), 'delivered');
ok($t->wait_empty_queue, 'and gone from the queue');
my @files = glob $t->path('var/queue/msgs/*/*');
is(scalar @files, 0, 'a message that is delivered at once never becomes a file');

like(submit('waits', 'x@far.test', 'bob@example.test'), qr/^250 /, 'one recipient here, one at a dead host');
ok($t->wait_mail('bob', qr/^Subject: waits$/m), 'the one here has it');
my $list = $t->wait_for(10, sub { my $l = ask('list'); $l =~ /deferred\tx\@far\.test\tdone\tbob/ && $l });
ok($list, 'the other one waits');
my ($id) = ($list || '') =~ /^([0-9A-F.]{42})\t/;
ok($t->wait_for(20, sub { my @c = glob $t->path('var/queue/msgs/*/C*'); @c == 1 }), 'as files');
my ($c) = glob $t->path('var/queue/msgs/*/C*');
my ($h, $number) = $c =~ m,/msgs/(\d+)/C(\d+)\z,;
is($h, $number % 100, 'MTA-2201: msgs/H/Cnnn, H being nnn modulo 100');
ok(-e "$t->{dir}/i/var/queue/msgs/$h/D$number", 'MTA-2201: and Dnnn beside it');
is(hex substr($id, 0, 16), $number, 'MTA-2211: nnn is the first part of the queue id');
my $text = $t->wait_for(20, sub { my $x = do { local (@ARGV, $/) = $c; <> }; $x =~ /^D0 /m && $x =~ /^A\d/m && $x }) // '';
like($text, qr/\Asalice\@example\.test\n/, 'MTA-2212: the sender first');
like($text, qr/^rx\@far\.test\nR.*\nN.*\n(?:h.*\n)?rbob\@example\.test\nR/m, 'MTA-2213 MTA-2214 MTA-2215: recipients in order') or diag $text;
like($text, qr/^fdns; client\.test \(.*\[.*127\.0\.0\.1\]\)$/m, 'MTA-2216');
like($text, qr/^M\Q$id\E$/m, 'MTA-2218');
like($text, qr/^I0 R .*Connection refused|^I0 C .*Connection refused/m, 'MTA-2224');
like($text, qr/^S1 \d+ l/m, 'MTA-2225: what went well');
like($text, qr/^D0 \d+/m, 'MTA-2225: and what did not');
like($text, qr/^C\d+$/m, 'MTA-2226');
like($text, qr/^E\d+\nW\d+$/m, 'MTA-2221');
like($text, qr/^A\d+$/m, 'MTA-2230');
my $reason = qr/^recipient\t0\tdeferred\tx\@far\.test\t.*Connection refused$/m;
ok($t->wait_for(20, sub { ask("show $id") =~ $reason }), 'with the reason');
ok(scalar($t->log_lines(qr/courieresmtp.*addr=<x\@far\.test>: \[\S+\]: Connection refused$/)), 'the log says whose connection it was') or diag $t->log;
like(ask('show 0000000000000001.0000000000000001.00000001'), qr/^error\t/, 'no such message');
like(ask('nonsense'), qr/^error\t/, 'no such request');

sub sched_pid { return ($t->command('courier', 'status') =~ /^sched\s+\d+\s+(\d+)/m)[0] }
my $pid = sched_pid();
kill 'KILL', $pid;
ok($t->wait_for(20, sub { my $p = sched_pid(); $p && $p != $pid && ask('status') =~ /^messages\t1$/m }), 'killed, and here again with its message');
is(copies('bob', 'waits'), 1, 'nobody got it twice');
my $attempts = () = $t->log_lines(qr/started,.*addr=<x\@far\.test>/);
is(ask('flush ' . $id), "ok\n", 'flush');
ok($t->wait_for(10, sub { (() = $t->log_lines(qr/started,.*addr=<x\@far\.test>/)) > $attempts }), 'is tried again');

ok($t->wait_for(10, sub { ask('list') =~ /deferred\tx\@far/ }), 'and waits again');
is(ask("cancel $id no longer wanted"), "ok\n", 'cancel');
my $report = $t->wait_mail('alice', qr/^Subject: .*\n/m);
like($report || '', qr/no longer wanted/, 'its sender is told');
ok($t->wait_empty_queue, 'nothing is left');
is(scalar(my @left = glob $t->path('var/queue/msgs/*/*')), 0, 'nor files');

mkdir $t->path('var/queue/msgs/43');
chown +(stat $t->path('var/queue'))[4, 5], $t->path('var/queue/msgs/43') if $> == 0;
mkdir $t->path('var/queue/msgs/44');
open my $garbage, '>', $t->path('var/queue/msgs/44/C944') or die;
print $garbage "no control file\n";
close $garbage;
chown +(stat $t->path('var/queue'))[4, 5], $t->path('var/queue/msgs/44'), $t->path('var/queue/msgs/44/C944') if $> == 0;
ok($t->command('courier', 'start') =~ /already|running/, 'MTA-2206: the running engine has a lock');
$pid = sched_pid();
like(submit("burst $_", 'bob@example.test', 'y@far.test'), qr/^250 /, "burst $_") for 1 .. 5;
$t->stop;
$t->start;
ok($t->wait_for(10, sub { -e $t->path('var/queue/broken/C944') }), 'MTA-2205: what cannot be read is put into the folder broken');
ok(!-d $t->path('var/queue/msgs/43'), 'MTA-2241: empty folders are removed at the start');
is(copies('bob', "burst $_"), 1, "burst $_ is there once after a restart") for 1 .. 5;
ok($t->wait_for(10, sub { ask('status') =~ /^messages\t5$/m }), 'five still wait');
is(scalar(grep {/newmsg,/} $t->log_lines(qr/courierd/)), 8, 'eight messages in all, the report among them');
$t->stop;
done_testing;
