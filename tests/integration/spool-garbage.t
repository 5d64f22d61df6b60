#!/usr/bin/perl
# The queue's folders as no program has left them: things that do not belong there (T18), records and
# files that are torn or garbled (T09), leftovers of a machine that went down (T25).  What is damaged
# is set aside and reported, what does not belong is ignored and reported, the rest is delivered.
# Incomplete submissions never enter the queue and are swept (MTA-1132).
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Courier::Storm;
use Courier::Test;
use POSIX ();
use Socket;
use Test::More;

my $t = Courier::Test->new(users => ['alice', 'bob'],
	files => {esmtproutes => join('', map {"far$_.test:[127.0.0.1],1\n"} 1 .. 5), esmtpdelay => "0\n", retryalpha => "1000s\n"});
my $storm = Courier::Storm->new($t);
my $q = $t->path('var/queue');
my ($uid, $gid) = (stat $q)[4, 5];
$t->configure(submit => {BOFHSUPPRESSBACKSCATTER => 'none'});
$t->file('etc/smtpaccess/default', "127.0.0.1\tallow,RELAYCLIENT\n");
$t->command('makesmtpaccess');

sub spit {
	my ($path, $text) = @_;
	open my $f, '>:raw', $path or die "$path: $!";
	print $f $text;
	close $f;
	chown $uid, $gid, $path if $> == 0;
}
sub slurp { open my $f, '<:raw', $_[0] or return; local $/; return scalar <$f> }
sub control_files { my @f = sort(glob "$q/msgs/*/C*"); return @f }
sub post {
	my ($to, $subject) = @_;
	my $r = $t->send_mail(from => "alice\@$t->{domain}", to => [$to], text => "Subject: $subject\r\n\r\ntext\r\n");
	return $r =~ /^250/;
}

# ---- half a submission ----------------------------------------------------------------------------
$t->start;
my $s = $t->connect('smtp');
$t->smtp_reply($s);
$t->smtp($s, $_) for 'EHLO client.test', "MAIL FROM:<alice\@$t->{domain}>", "RCPT TO:<bob\@$t->{domain}>", 'DATA';
print $s "Subject: half\r\n\r\n", ("x" x 70 . "\r\n") x 8000;
sub in_tmp { return grep { !m,/\.\.?$, } glob "$q/tmp/*" }
ok $t->wait_for(10, sub { in_tmp() }), 'a large message is collected in a file';
close $s;
ok $t->wait_for(10, sub { !in_tmp() }), 'its client goes, and so does the file (MTA-1132)';
ok $t->wait_empty_queue(10), 'it never was in the queue';

# ---- something to lose ----------------------------------------------------------------------------
my @names = map {"far$_"} 1 .. 5;
ok post("$_\@$_.test", $_), "$_ is taken" for @names;
ok $t->wait_for(15, sub { control_files() == 5 }), 'all are deferred, in files';
$t->restart; # what the journal still had is in the files alone now
is $t->stop, '', 'stops';
my %file = map { my ($n) = slurp($_) =~ /^r(far\d)\@/m; $n => $_ } control_files();

spit($file{far1}, join '', map { chr int rand 256 } 1 .. 4000); # garbled
spit($file{far2}, '');                                          # lost its contents
my $text = slurp($file{far3});
spit($file{far3}, $text . 'S0 17');                             # torn last line: it is not a success
(my $data = $file{far4}) =~ s,/C(\d+)$,/D$1,;
unlink $data or die $data;                                      # no contents

# ---- things that do not belong --------------------------------------------------------------------
my @foreign = ("$q/msgs/lost+found", "$q/msgs/00/C7", "$q/msgs/100", "$q/msgs/7/C17x", "$q/journal/00000000.bak");
for my $d ('lost+found', '00', '100', '7', '8') { mkdir "$q/msgs/$d" }
spit("$q/msgs/00/C7", 'x');
spit("$q/msgs/7/C17x", 'x');
spit("$q/msgs/8/C7", "s\nM0\n");             # the wrong folder
spit("$q/journal/00000000.bak", 'x');
spit("$q/journal/.new", 'x');                 # of a start that was killed
POSIX::mkfifo("$q/msgs/8/C8", 0600) or die;   # opening it must not hang
symlink '/etc/passwd', "$q/msgs/9/C9" if mkdir "$q/msgs/9" or -d "$q/msgs/9";
mkdir "$q/msgs/10"; mkdir "$q/msgs/10/C10";
socket my $sock, AF_UNIX, SOCK_STREAM, 0 or die;
mkdir "$q/msgs/11";
my $old = POSIX::getcwd();
chdir "$q/msgs/11" and bind $sock, sockaddr_un('C11') or die "bind: $!";
chdir $old;
chmod 0700, glob "$q/msgs/*";
chown $uid, $gid, glob "$q/msgs/*" if $> == 0;
spit("$q/tmp/4711.1", 'half a message');
my $drop = $t->path('var/drop');
POSIX::mkfifo("$drop/fifo", 0600);
mkdir "$drop/folder";
symlink '/etc/passwd', "$drop/link";

# ---- a machine that went down: a pid in use again, locks and sockets of the dead ------------------
my $run = $t->path('var/run');
spit("$run/courierd.pid", "$$\n");
spit("$q/lock", "$$\n") if !-e "$q/lock";
my $maildir = $t->maildir('bob');
spit("$maildir/tmp/1.M1P1.host", 'half');
utime 1, 1, "$maildir/tmp/1.M1P1.host";

$t->start;
my $log = $t->log;
like $log, qr/$_/, 'the log tells of ' . $_ for "msgs/lost\\+found", "msgs/00/C7'", "msgs/7/C17x", "msgs/8/C7", "msgs/8/C8",
    "msgs/9/C9", "msgs/10/C10", "msgs/11/C11", "journal/00000000.bak";
$t->command('courier', '-C', $t->path(''), 'flush');
ok $t->wait_for(20, sub { (() = glob "$q/broken/*") >= 2 }), 'what cannot be read is set aside';
my @broken = map { m,/([^/]+)$, } glob "$q/broken/*";
for my $n ('far1', 'far2') {
	my ($name) = $file{$n} =~ m,/(C\d+)$,;
	ok scalar(grep { $_ eq $name } @broken), "$n: set aside";
}
ok post("bob\@$t->{domain}", 'after'), 'mail is taken';
ok $t->wait_mail('bob', qr/^Subject: after$/m), 'and delivered';
my $show = $t->command('courier', '-C', $t->path(''), 'show');
like $show, qr/far$_\@far/, "far$_ waits as before" for 3, 5;
ok !in_tmp(), 'the half message is swept';
ok -e "$q/msgs/lost+found" && -e "$q/msgs/9/C9" && -p "$q/msgs/8/C8", 'what is not ours is left alone';
is $t->stop, '', 'stops';
my @before = sort glob("$q/broken/*"), control_files();
$t->start;
is_deeply [sort glob("$q/broken/*"), control_files()], \@before, 'another start changes nothing';

# ---- the journal: a record in the middle is rot, others are there ---------------------------------
# The scheduler is stopped while three messages come in whole: they are in the journal alone.
my $p = $storm->processes;
kill 'STOP', map { @{$p->{$_} || []} } 'local', 'esmtp';
ok post("bob\@$t->{domain}", "young$_"), "young$_ is taken" for 1 .. 3;
$storm->kill_all;
$t->wait_for(10, sub { my $p = $storm->processes; !map {@$_} values %$p });
my @segments = sort grep { /[0-9a-f]{8}$/ && !/spare/ } glob "$q/journal/*";
my $hit = 0;
for my $path (@segments) {
	my $bytes = slurp($path);
	my $at = index $bytes, 'Subject: young2';
	next if $at < 0;
	substr $bytes, $at + 9, 5, 'XXXXX';
	spit($path, $bytes);
	$hit++;
}
is $hit, 1, 'one record is garbled';
$t->start;
ok $t->wait_mail('bob', qr/^Subject: young$_$/m, 15), "young$_ is delivered" for 1, 3;
like $t->log, qr/journal \w+: \d+ damaged bytes in 1 places were skipped/, 'and the log tells of the damage';
is scalar(grep { $_->[1] =~ /XXXXX/ } $t->mailbox('bob')), 0, 'what is garbled is not delivered';
is $t->stop, '', 'stops';
close $sock;
done_testing;
