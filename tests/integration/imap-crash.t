#!/usr/bin/perl
# imapd is killed before each call that changes the file system, one after the other, while it
# appends, copies, moves and expunges; then each of these calls fails as on a full disk.  Whatever
# imapd had said must hold afterwards, and no message may be lost, cut off or doubled.
use strict;
use warnings;
use Test::More;
use File::Path qw(make_path remove_tree);
use File::Temp qw(tempdir);
use FindBin;
use IPC::Open2;

my $imapd = $ENV{IMAPD} || ($ENV{COURIER_TEST_PREFIX} || '') . '/libexec/courier/imapd';
BAIL_OUT("no $imapd: run the tests with ./runtests, or set IMAPD") unless -x $imapd;
delete @ENV{qw(MAILDIR AUTHENTICATED IMAP_LOGIN_TAG IMAP_INITIAL OPTIONS MAILDIRQUOTA)};
my $top = tempdir(CLEANUP => 1);
make_path("$top/etc", "$top/var");
$ENV{COURIER_HOME} = $top;
my $cc = $ENV{CC} || 'cc';
$cc =~ s/^ccache //;
if (system("$cc -shared -fPIC -o $top/kill-at.so $FindBin::Bin/../tools/kill-at.c -ldl") != 0) {
	plan skip_all => "no compiler ($cc)";
}
$SIG{PIPE} = 'IGNORE';
$SIG{ALRM} = sub { BAIL_OUT('no end in sight') };
alarm 300;

my $dir = "$top/M";
my $body = join '', map {"line $_ of the text\r\n"} 1 .. 5000;

# All that is said to these commands, whether it lives to the end or not.
sub session {
	my ($kill, @commands) = @_;
	my ($how, $at) = $kill =~ /^(\w+) (\d+)/;
	local $ENV{$how || 'KILL_AT'} = $at || 0;
	local $ENV{LD_PRELOAD} = $at ? "$top/kill-at.so" : '';
	my $pid = open2(my $out, my $in, $imapd, $dir);
	binmode $_ for $in, $out;
	$in->autoflush(1);
	my $said = '';
	my $n = 0;
	<$out>;
	COMMAND: for my $command (@commands, 'LOGOUT') {
		my $tag = 't' . ++$n;
		print $in "$tag $command\r\n";
		while (defined(my $line = <$out>)) {
			$said .= $line;
			next COMMAND if $line =~ /^$tag /;
		}
		last;
	}
	close $in;
	1 while <$out>;
	waitpid $pid, 0;
	return ($said, $? & 127);
}

# subject => uid of a folder, the UIDVALIDITY, and every text that is not whole.
sub look {
	my ($folder) = @_;
	my ($said) = session(0, "SELECT $folder", 'FETCH 1:* (UID BODY.PEEK[HEADER.FIELDS (SUBJECT)] RFC822.SIZE)');
	my %uid;
	my ($validity) = $said =~ /UIDVALIDITY (\d+)/;
	my @bad;
	while ($said =~ /FETCH \(UID (\d+) BODY\[[^\n]*\n(?:Subject: (\S+)\r\n)?\r\n RFC822.SIZE (\d+)/g) {
		my ($uid, $subject, $size) = ($1, $2 // '?', $3);
		push @bad, "$subject twice" if $uid{$subject};
		push @bad, "$subject cut off ($size)" if $size != 15 + length $body;
		$uid{$subject} = $uid;
	}
	return (\%uid, $validity, \@bad);
}

sub fresh {
	remove_tree($dir);
	make_path(map {("$dir/$_", "$dir/.Box/$_")} qw(tmp new cur));
	open my $m, '>', "$dir/.Box/maildirfolder" or die;
	close $m;
	(my $text = $body) =~ s/\r//g;
	for my $n (1 .. 3) {
		open my $f, '>', "$dir/cur/$n.M1P1.host:2," or die;
		print $f "Subject: m$n\n\n$text";
		close $f or die;
	}
	session(0, 'SELECT INBOX', 'STATUS INBOX.Box (MESSAGES)');
}

my $message = "Subject: mA\r\n\r\n$body";
my @commands = (
	'SELECT INBOX', 'APPEND INBOX (\Seen Kw) {' . length($message) . "+}\r\n$message",
	'COPY 1 INBOX.Box', 'MOVE 2 INBOX.Box', 'STORE 2 +FLAGS (\Deleted)', 'EXPUNGE',
);

# One run with a fault; true when it came to its end.
sub run {
	my ($how, $at) = @_;
	fresh();
	my ($said, $signal) = session("$how $at", @commands);
	my ($inbox, undef, $bad1) = look('INBOX');
	my ($box, undef, $bad2) = look('INBOX.Box');
	my @wrong = (@$bad1, map {"Box: $_"} @$bad2);
	my $must = sub { push @wrong, $_[1] unless $_[0] };
	my $is = sub { defined $_[0] && $_[0] == $_[1] };
	$must->($is->($inbox->{m1}, 1), 'm1 stays where it was');
	$must->($is->($inbox->{mA}, $1), "APPENDUID $1") if $said =~ /APPENDUID \d+ (\d+)/;
	$must->($inbox->{mA}, 'appended') if $said =~ /^t2 OK/m;
	$must->($is->($box->{m1}, $1), "COPYUID $1") if $said =~ /^t3 OK \[COPYUID \d+ 1 (\d+)/m;
	$must->($box->{m1}, 'copied') if $said =~ /^t3 OK/m;
	$must->(!$box->{m1}, 'not copied') if $said =~ /^t3 NO/m;
	$must->(($inbox->{m2} ? 1 : 0) + ($box->{m2} ? 1 : 0) == 1, 'm2 is in one place')
	    if $said !~ /^t4 NO/m || $said !~ /^t6 OK/m;
	$must->($is->($inbox->{m2}, 2), 'm2 keeps its UID') if $inbox->{m2};
	$must->($is->($box->{m2}, $1), "COPYUID of the move $1") if $said =~ /^\* OK \[COPYUID \d+ 2 (\d+)/m;
	$must->($box->{m2}, 'moved') if $said =~ /^t4 OK/m;
	$must->($is->($inbox->{m3}, 3), 'm3 keeps its UID') if $said !~ /^t5 /m || $inbox->{m3};
	$must->(!$inbox->{m3}, 'expunged') if $said =~ /^t6 OK/m && $said =~ /^t5 OK/m && $said =~ /^t4 OK/m;
	$must->(!$box->{m3} && !$box->{mA}, 'nothing else in the folder');
	$must->($said =~ /^t7 OK/m, 'a fault is no end of the session') if $how eq 'FAIL_AT';
	ok(!@wrong, "$how $at") or diag join "\n", @wrong, $said;
	return !$signal;
}

my $points = 0;
my $finished = 0;
while (!$finished && $points < 400) {
	$finished = run('KILL_AT', ++$points);
}
ok($finished, "it lived through the $points-th");
cmp_ok($points, '>', 30, 'steps were counted');
run('FAIL_AT', $_) for 1 .. $points;

done_testing;
