#!/usr/bin/perl
# slow
# Any script on any message ends in bounded time and memory, and mail is never lost by it: what
# passes a limit is put off with exit status 75 and a reason.
use strict;
use warnings;
use Fcntl qw(SEEK_SET);
use File::Temp qw(tempdir);
use POSIX ();
use Socket ();
use Test::More;
use Time::HiRes qw(time);

my $maildrop = ($ENV{COURIER_TEST_PREFIX} || BAIL_OUT('COURIER_TEST_PREFIX is not set')) . '/bin/maildrop';
my $dir = tempdir(CLEANUP => 1);
mkdir $_ or die for map {"$dir/$_"} qw(i i/etc i/var i/log i/mail home);
chmod 0755, $dir, "$dir/i", glob "$dir/i/*";
chmod 0700, "$dir/home";
$ENV{COURIER_HOME} = "$dir/i";
$ENV{HOME} = "$dir/home";
chdir "$dir/home" or die;
my $kilobytes = 900 * 1024; # of address space, for small messages
# the sanitizers reserve terabytes
my $bounded = ($ENV{COURIER_TEST_CONFIGURE} || '') !~ /sanitize/;

sub spew { my ($file, $text) = @_; open my $fh, '>', $file or die "$file: $!"; print $fh $text; close $fh; chmod 0600, $file }
sub slurp { my ($file) = @_; local $/; open my $fh, '<', $file or return ''; return scalar <$fh> // '' }
our ($out, $err, $took, $rc);

# A filter on a file; the exit status.
sub run {
	my ($filter, %o) = @_;
	spew('f', $filter);
	my $begin = time;
	my $limit = $bounded ? $o{memory} || $kilobytes : 'unlimited';
	my $data = $bounded && $o{data} || 'unlimited'; # what is written to; a mapped message is not
	my $status = system('/bin/sh', '-c', "ulimit -v $limit; ulimit -d $data; exec timeout 100 $maildrop @{[$o{options} || '']} f <in >out 2>err");
	$took = time - $begin;
	($out, $err, $rc) = (slurp('out'), slurp('err'), $status & 127 ? 'killed' : $status >> 8);
	return $rc;
}
sub settings { my ($text) = @_; spew("$dir/i/etc/maildropsettings", $text); chmod 0644, "$dir/i/etc/maildropsettings" }

# ---- messages
my $find = "echo /needle/:hb\nexit\n";
spew('in', "Mime-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n" . "--b\nContent-Type: text/plain\n\nword\n" x 2000 . "--b\n\nneedle\n--b--\n");
is(run($find), 0, '2,000 parts');
is($out, "1\n", 'all are searched');
cmp_ok($took, '<', 30, 'in time');
spew('in', "Mime-Version: 1.0\n" . join('', map {"Content-Type: multipart/mixed; boundary=b$_\n\n--b$_\n"} 1 .. 10000) . "\nneedle\n");
is(run($find), 0, 'nesting of 10,000');
cmp_ok($took, '<', 30, 'in time');
spew('in', "Mime-Version: 1.0\n" . "Content-Type: message/rfc822\n\n" x 10000 . "\nneedle\n");
is(run($find), 0, 'messages inside messages, 10,000');
cmp_ok($took, '<', 30, 'in time');
{
	open my $fh, '>', 'in' or die;
	print $fh "Subject: large\n";
	my $line = 'X-Filler: ' . 'x' x 68 . "\n";
	print $fh $line x 13300 for 1 .. 100;
	print $fh "X-Last: yes\n\nneedle\n";
	close $fh;
}
cmp_ok(-s 'in', '>', 100 * 1000 * 1000, 'a header of 100 MB');
is(run("echo /^X-Last: yes/\nto large\n", memory => 3 * 1024 * 1024), 0, 'a header of 100 MB') or diag $err;
cmp_ok($took, '<', 90, 'in time');
cmp_ok(-s 'large', '>', -s 'in', 'and it is delivered whole');
unlink 'large';
spew('in', "Subject: " . 'x' x 20_000_000 . "\n\nneedle\n");
isnt(run("echo /needle/:b\nto long\n", memory => 2 * 1024 * 1024), 'killed', 'one line of 20 MB');
ok($rc eq '75' || -s 'long' > 20_000_000, 'is delivered or deferred');
unlink 'long';
spew('in', "Subject: nul\0byte\n\nbo\0dy needle\0\n");
is(run("echo /needle/:b\nto nul\n"), 0, 'NUL bytes');
like(slurp('nul'), qr/Subject: nul\0byte\n\nbo\0dy needle\0\n/, 'are delivered as they are');
spew('in', "Subject: no end\n\nneedle");
is(run("echo /needle/:b\nto noend\n"), 0, 'no final newline');
like(slurp('noend'), qr/\nneedle\n\n\z/, 'an mbox is whole all the same');
spew('in', '');
is(run("to empty\n"), 0, 'an empty message');
spew('in', "\n" x 100000);
is(run($find), 0, 'empty lines alone');

# ---- 50 MiB, by everything that can be done with it, in a tenth of its size and what a process has anyway
sub large {
	my ($head, $line) = @_;
	open my $fh, '>', 'in' or die;
	print $fh $head;
	my $block = $line x (65536 / length $line);
	print $fh $block for 1 .. 800;
	print $fh "\n--b\nContent-Type: text/plain\n\nthe needle\n--b--\n";
	close $fh;
	return;
}
my %large = (
	'plain text' => ["Subject: large\n\n", 'x' x 62 . "\n"],
	'a text in base64' => ["Subject: large\nMime-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\nContent-Transfer-Encoding: base64\n\n", 'eHh4' x 15 . "eHgK\n"],
	'an attachment' => ["Subject: large\nMime-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: application/zip\nContent-Transfer-Encoding: base64\n\n", 'eHh4' x 15 . "eHgK\n"],
);
mkdir $_ for 'md', map {"md/$_"} qw(tmp new cur);
for my $what (sort keys %large) {
	large(@{$large{$what}});
	my $size = -s 'in';
	my $whole = sub { my ($n) = @_; return $n >= $size && $n < $size + 1000 };
	my %done = (
		'to ./md' => sub { $whole->(-s (glob 'md/new/*')[0]) },
		'to box' => sub { $whole->(-s 'box') },
		'to "|cat >box"' => sub { $whole->(-s 'box') },
		'system "true"; to box' => sub { $whole->(-s 'box') },
		'X=`tail -c 20`; echo "$X"; exit' => sub { $out =~ /--b--/ },
		'echo /the needle/:b; exit' => sub { $out eq "1\n" },
		'echo /the needle/:hb; exit' => sub { $out eq "1\n" },
		'echo /^Subject: large/:h; exit' => sub { $out eq "1\n" },
		'echo /needle/:b,1,1; exit' => sub { $out eq "1\n" },
		'foreach /the needle/:b; { echo "$MATCH"; }; exit' => sub { $out eq "the needle\n" },
		'xfilter "cat"; to ./md' => sub { $whole->(-s (glob 'md/new/*')[0]) },
		'xfilter "cat"; xfilter "sed s/needle/nadel/"; echo /the nadel/:b; to box' => sub { $out eq "1\n" && $size - 1 <= -s 'box' },
		'xfilter "cat"; xfilter "tail -n 3"; to box' => sub { -s 'box' < 200 },
		'xfilter "cat; exit 1"; to box' => sub { $rc == 75 && !-e 'box' },
	);
	for my $filter (sort keys %done) {
		unlink 'box', glob 'md/new/*';
		(my $lines = "$filter\n") =~ s/; /\n/g;
		run($lines, data => 16 * 1024);
		ok($done{$filter}->() && ($rc == 0 || $filter =~ /exit 1/), "50 MiB, $what: $filter") or diag "exit $rc: $err";
		cmp_ok($took, '<', 60, 'in time');
	}
}
unlink 'box', glob 'md/new/*';
is_deeply([glob '.tmp/*'], [], 'nothing of it is left');

# ---- scripts
my $mail = "From: a\@b\nSubject: " . 'a' x 200 . "!\n\nbody\n";
spew('in', $mail);
for my $bomb ('^Subject: (a+)+$', '(a|aa)+$', '^Subject: (a*)*b', '(.*)*(.*)*(.*)*x', '((a{0,20}){0,20}){0,20}z') {
	isnt(run("if (/$bomb/)\n{\n echo yes\n}\nto bombs\n"), 'killed', "the pattern $bomb");
	cmp_ok($took, '<', 30, 'ends in time');
	ok($rc eq '75' || $rc eq '0', 'with an answer');
	like($err, qr/pattern/, 'and a reason') if $rc eq '75';
}
is(run("while (1)\n{\n X=1\n}\n"), 75, 'an endless loop');
like($err, qr/^maildrop: f:\d+:\d+: .*steps/m, 'names file, line and column');
is(run("X=\"xxxxxxxx\"\nwhile (1)\n{\n X=\"\$X\$X\"\n}\n"), 75, 'a variable that doubles');
cmp_ok($took, '<', 30, 'ends in time');
is(run("N=0\nwhile (1)\n{\n N=\$N + 1\n \"X\$N\"=\"" . 'x' x 60000 . "\"\n}\n"), 75, 'variables without end');
spew('again', "include \"again\"\n");
is(run("include \"again\"\n"), 75, 'a file that includes itself');
is(run('(' x 5000 . "1\n"), 75, 'parentheses in parentheses');
is(run("if (1)\n{\n" x 5000), 75, 'blocks in blocks');
is(run('echo ' . '! ' x 100000 . "1\n"), 75, 'a hundred thousand times not');
is(run('X=' x 100000 . "1\n"), 75, 'a hundred thousand assignments');
is(run("echo \"" . 'x' x 5_000_000 . "\"\n"), 75, 'a filter of 5 MB');
is(run("foreach /.*/:hb\n{\n foreach /.*/:hb\n {\n  foreach /.*/:hb\n  {\n   while (1)\n   {\n    X=1\n   }\n  }\n }\n}\n"), 75, 'loops in loops');

# ---- the clock
my $nap = "77.$$"; # seconds, and the name of these processes alone
settings("MAILDROPTIME=2\n");
spew('in', $mail x 20000); # more than a pipe holds
is(run("xfilter \"sleep $nap\"\n"), 75, 'DROP-0026 xfilter: a program that does not read and does not end');
cmp_ok($took, '<', 20, 'DROP-0026,DROP-0227 is ended when the time is over');
is(run("xfilter \"cat >/dev/null; exec sleep $nap\"\n"), 75, 'DROP-0026 one that reads and does not end');
is(run("to \"| sleep $nap\"\n"), 75, 'DROP-0026 a delivery to such a program');
is(run("X=`sleep $nap & sleep $nap`\n"), 75, 'DROP-0026 a command and its children');
is(run("system \"sleep $nap\"\n"), 75, 'DROP-0026 system');
my $left = 1;
for (my $until = time + 20; time < $until && ($left = `ps -eo args` =~ /^sleep \Q$nap\E$/m);) { sleep 1 }
is($left ? 1 : 0, 0, 'DROP-0026 none of them lives on');
is(run("flock \"lockfile\"\n{\n system \"sleep $nap\"\n}\n"), 75, 'DROP-0026 a lock goes with the process');
is(system('flock', '-n', 'lockfile', 'true'), 0, 'DROP-0026 and is free');
is(run("dotlock \"dot.lock\"\n{\n system \"sleep $nap\"\n}\n"), 75, 'DROP-0026 a dot-lock');
ok(!-e 'dot.lock', 'DROP-0026 is removed');
open my $held, '>>', 'held' or die;
flock $held, 2 or die;
is(run("to held\n"), 75, 'DROP-0026 an mbox that somebody else holds');
is(-s 'held', 0, 'DROP-0026 is left alone');
close $held;
settings("MAILDROPTIME=5m\n");
POSIX::mkfifo('fifo', 0600) or die;
is(run("to fifo\n"), 75, 'a FIFO without reader');
cmp_ok($took, '<', 20, 'nobody waits for it');
is(run("to \"/dev/zero\"\n"), 75, 'a device');

# ---- what went wrong, and where
for (["to (\n", 'f:1:'], ["X=1\n\nif (\$X == )\n", 'f:3:'], ["echo \"a\"\necho \"b\n", 'f:2:'], ["foreach /x/\n", 'f:']) {
	(my $shown = $_->[0]) =~ s/\n/; /g;
	is(run($_->[0]), 75, "DROP-0036 a syntax error defers: $shown");
	like($err, qr/^maildrop: \Q$_->[1]\E[\d:]* \S/m, 'DROP-0036 and names file, line and column');
}
spew('in', $mail);
run("X=1\nif (/^Subject:/)\n{\n to kept\n}\n", options => '--why');
like($err, qr/^f:2: .*\n(?:.*\n)*f:2: if: yes\n(?:.*\n)*f:4: /m, '--why tells which line did what');
run("X=1\nif (/^Subject:/)\n{\n to kept\n}\n", options => '-V 3');
like($err, qr/^f:2: if: yes$/m, 'DROP-0010 -V tells it, too');

# ---- settings
settings("MAILDROPMODE=660\nMAILDROPLOCKS=kernel\nMAILDROPDEFAULT=%h/in-%u\nMAILDROPSENDMAIL=\"/bin/echo sent\"\nLOCKSLEEP=7\n");
is(run("to group\n"), 0, 'DROP-0225 MAILDROPMODE');
is(sprintf('%o', (stat 'group')[2] & 0777), '660', 'DROP-0225 a mailbox for a mail group');
spew('locked.lock', "1 elsewhere\n");
is(run("to locked\n"), 0, 'DROP-0224 MAILDROPLOCKS=kernel knows no dot-locks');
my $user = getpwuid $>;
is(run("echo \"\$DEFAULT \$LOCKSLEEP\"\ncc '! x\@y'\n"), 0, 'DROP-0227 MAILDROPDEFAULT');
like($out, qr{^\Q$ENV{HOME}\E/in-\Q$user\E 7$|^/\S+/in-\Q$user\E 7$}m, 'DROP-0227 the default mailbox, times of locks');
like($out, qr{^sent -f \S* ?x\@y$}m, 'DROP-0227 MAILDROPSENDMAIL');
settings("MAILDROPLOCKS=dot\n");
open $held, '>>', 'held' or die;
flock $held, 2 or die;
is(run("to held\n"), 0, 'DROP-0224 MAILDROPLOCKS=dot knows no kernel locks');
close $held;
settings("MAILDROPSMALL=1K\n");
is(run("to \"|wc -c\"\n"), 0, 'DROP-0227 MAILDROPSMALL');
is($out + 0, length $mail, 'DROP-0227 the message is whole');
settings("MAILDROPLOCKS=none\n");
is(run("to x\n"), 75, 'DROP-0227 a wrong setting defers mail');
like($err, qr/MAILDROPLOCKS/, 'DROP-0227 and is named');
settings("MAILDROPSYSLOG=1\n");
SKIP: {
	my $own = "mount -t tmpfs none /dev && mknod /dev/null c 1 3 && mknod /dev/urandom c 1 9 && ln -s $dir/log /dev/log";
	skip 'no /dev of our own here', 2 if system("unshare -m sh -c '$own' >/dev/null 2>&1") != 0;
	socket my $log, Socket::AF_UNIX(), Socket::SOCK_DGRAM(), 0 or die;
	bind $log, Socket::sockaddr_un("$dir/log") or die;
	spew('f', "to (\n");
	is(system("unshare -m sh -c '$own && exec $maildrop f <in 2>err'") >> 8, 75, 'DROP-0226 MAILDROPSYSLOG');
	my $line = '';
	my $bits = '';
	vec($bits, fileno $log, 1) = 1;
	recv $log, $line, 8192, 0 if select $bits, undef, undef, 5;
	like($line, qr/maildrop.*f:1:\d+: /, 'DROP-0226 the reason stands in the system\'s log');
}
chdir '/';
done_testing();
