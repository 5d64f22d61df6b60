#!/usr/bin/perl
# slow
# What a delivery may take: time, memory and output of its programs, also where a worker follows a
# filter by itself; and an mbox in a spool folder, with its locks.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Courier::Test;
use Fcntl qw(:flock);
use Test::More;

my $bounded = ($ENV{COURIER_TEST_CONFIGURE} || '') !~ /sanitize/; # they reserve terabytes
my $t = Courier::Test->new(users => ['alice', 'bob'],
	config => {courierd => {LOCALMEMORY => $bounded ? '64M' : 0, MBOXDOTLOCK => 1}, esmtpd => {TARPIT => 0}},
	files => {localtimeout => "4s\n", retryalpha => "1s\n", retrybeta => "1000\n"});
my $domain = $t->domain;
my ($home) = $t->maildir('bob') =~ m,(.*)/Maildir$,;
my @owner = (stat $home)[4, 5];
my $spool = $t->scratch . '/spool';
mkdir $spool or die;
chmod 01777, $spool;
$t->start;

my $n = 0;
sub slurp { my ($file) = @_; local $/; open my $fh, '<', $file or return ''; return scalar <$fh> // '' }
sub put {
	my ($name, $text) = @_;
	open my $f, '>', "$home/$name.new" or die "$name: $!";
	print $f $text;
	close $f;
	chmod 0600, "$home/$name.new";
	chown @owner, "$home/$name.new" if $> == 0;
	rename "$home/$name.new", "$home/$name" or die;
	return;
}
# One message to bob-EXT by these instructions; its subject.
sub give {
	my ($ext, $instructions, $more) = @_;
	my $subject = "$ext-" . ++$n;
	put(".courier-$ext", $instructions);
	my $r = $t->send_mail(from => "alice\@$domain", to => "bob-$ext\@$domain", text => "Subject: $subject\n\n" . ($more // '') . "text\n");
	like($r, qr/^250/, "bob-$ext: accepted");
	return $subject;
}
sub logged { my ($ext, $re) = @_; return $t->wait_for(30, sub { scalar $t->log_lines(qr/addr=<bob-$ext\@[^>]*>.*$re/) }) }

# ---- time
my $nap = "78.$$"; # seconds, and the name of these processes alone
give('slow', "| touch begun; sleep $nap; touch ended\n");
ok(logged('slow', qr/too long/), 'a program that takes too long is ended, and told') or diag $t->log;
put('.courier-slow', "./Maildir\n");
ok($t->wait_for(20, sub { `ps -eo args` !~ /^sleep \Q$nap\E$/m }), 'it is gone, with its children');
put('endless', "while (1)\n{\n X=1\n}\n");
give('endless', "| maildrop endless\n");
ok(logged('endless', qr/too (?:long|many steps)/), 'a filter that does not end is ended') or diag $t->log;
put('endless', "to \"./Maildir\"\n");
ok($t->wait_for(30, sub { 2 == grep { $_->[1] =~ /^Subject: (?:slow|endless)/m } $t->mailbox('bob') }), 'both messages come when the fault is mended') or diag $t->log;

# ---- output
give('loud', "| yes 'a word and another one' | head -c 3000000; exit 67\n");
ok(logged('loud', qr/a word and another one/), 'a program that writes much') or diag $t->log;
my ($longest) = sort { $b <=> $a } map {length} $t->log_lines(qr/bob-loud/);
cmp_ok($longest, '<', 3000, 'is quoted in part');
ok($t->wait_for(30, sub { grep { $_->[1] =~ /a word and another one/ } $t->mailbox('alice') }), 'and the report');
cmp_ok(length((grep { $_->[1] =~ /a word and another one/ } $t->mailbox('alice'))[0][1]), '<', 20000, 'is no larger than it has to be');

# ---- memory
SKIP: {
	skip 'no limits of memory under the sanitizers', 9 if !$bounded;
	give('large', "| perl -e '\$x = q(x) x 200_000_000; print length \$x' && touch large-ran || touch large-failed\n");
	ok($t->wait_for(30, sub { -e "$home/large-failed" || -e "$home/large-ran" }), 'a program that wants more than LOCALMEMORY');
	ok(-e "$home/large-failed", 'does not get it');
	put('search', "if (/the needle/:b)\n{\n xfilter \"cat\"\n to \"./Maildir\"\n}\n");
	my $subject = give('search', "| maildrop search\n", ('y' x 70 . "\n") x 110_000 . "the needle\n");
	my $mail;
	ok($t->wait_for(60, sub { ($mail) = grep { $_->[1] =~ /^Subject: $subject$/m } $t->mailbox('bob') }), 'a filter on 8 MB has enough') or diag $t->log;
	cmp_ok(length($mail ? $mail->[1] : ''), '>', 7_800_000, 'and the message is whole');
	# the worker had that limit while it followed the filter; so have the programs of filters
	put('limits', "system \"ulimit -d >limit-filter\"\nto \"./Maildir\"\n");
	give('limits', "| maildrop limits\n");
	ok($t->wait_for(30, sub { -s "$home/limit-filter" }), 'a program of a filter');
	is(slurp("$home/limit-filter"), "65536\n", 'finds the limit of its worker');
}

# ---- an mbox in the spool
my $box = "$spool/bob";
open my $lock, '>', "$box.lock" or die;
print $lock "$$\n";
close $lock;
my $subject = give('box', "$box\n");
ok(!$t->wait_for(2, sub { -s $box }), 'MBOXDOTLOCK: a lock file of somebody else is respected');
unlink "$box.lock";
ok($t->wait_for(30, sub { slurp($box) =~ /^From alice\@\Q$domain\E .*^Subject: $subject$/ms }), 'and the mail comes when it is gone') or diag $t->log;
is(sprintf('%o', (stat $box)[2] & 0777), '600', 'the mbox is its owner\'s');
ok($t->wait_for(10, sub { !-e "$box.lock" }), 'and no lock is left');
open my $held, '+<', $box or die;
flock $held, LOCK_EX or die;
my $before = -s $box;
$subject = give('box', "$box\n");
ok(!$t->wait_for(2, sub { -s $box > $before }), 'the kernel\'s lock is respected, too');
close $held;
ok($t->wait_for(30, sub { slurp($box) =~ /^Subject: $subject$/m }), 'and the mail comes') or diag $t->log;
open my $stale, '>', "$box.lock" or die;
chown @owner, "$box.lock" if $> == 0; # the folder is sticky
utime time - 3600, time - 3600, "$box.lock";
$subject = give('stale', "$box\n");
ok($t->wait_for(60, sub { slurp($box) =~ /^Subject: $subject$/m }), 'a stale lock is broken') or diag $t->log;
# V8: in a folder that everybody may write to, what a stranger has put there is not the account's
SKIP: {
	skip 'only root can be a stranger', 16 if $> != 0;
	my $prey = "$home/prey";
	my @plant = (['his own file', sub { open my $f, '>', $box or die; close $f; chmod 0666, $box; chown 65534, 65534, $box }],
		['a link to a file of the account', sub { open my $f, '>', $prey or die; close $f; chown @owner, $prey; symlink $prey, $box or die; system 'chown', '-h', '65534:65534', $box }],
		['a link to nowhere', sub { unlink $prey; symlink $prey, $box or die; system 'chown', '-h', '65534:65534', $box }],
		['another name of a file of the account', sub { open my $f, '>', $prey or die; close $f; chown @owner, $prey; link $prey, $box or die }]);
	for my $p (@plant) {
		unlink $box;
		$p->[1]->();
		my $seen = () = $t->log_lines(qr/cannot open.*Operation not permitted/);
		$subject = give('box', "$box\n");
		ok($t->wait_for(20, sub { $seen < (() = $t->log_lines(qr/cannot open.*Operation not permitted/)) }), "V8 $p->[0]: the mail waits") or diag $t->log;
		ok(!-s $box && !-s $prey, 'V8 and nothing is written');
		unlink $box, $prey;
		ok($t->wait_for(30, sub { slurp($box) =~ /^Subject: $subject$/m }), 'V8 it comes when that is gone') or diag $t->log;
	}
}
ok($t->wait_empty_queue(30), 'the queue is empty');
is($t->stop, '', 'stops');
done_testing();
