#!/usr/bin/perl
# slow
# Several sessions and a program that delivers work on the same two folders at once.  Afterwards every
# message that nobody removed is there once, and no UID ever meant two messages to anybody.
use strict;
use warnings;
use Test::More;
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use IPC::Open2;
use Time::HiRes qw(time sleep);

my $imapd = $ENV{IMAPD} || ($ENV{COURIER_TEST_PREFIX} || '') . '/libexec/courier/imapd';
BAIL_OUT("no $imapd: run the tests with ./runtests, or set IMAPD") unless -x $imapd;
delete @ENV{qw(MAILDIR AUTHENTICATED IMAP_LOGIN_TAG IMAP_INITIAL OPTIONS MAILDIRQUOTA)};
my $top = tempdir(CLEANUP => 1);
make_path("$top/etc", "$top/var", map {("$top/M/$_", "$top/M/.Box/$_")} qw(tmp new cur));
$ENV{COURIER_HOME} = $top;
open my $marker, '>', "$top/M/.Box/maildirfolder" or die;
close $marker;
my $seconds = $ENV{COURIER_TEST_LONG} ? 60 : 4;
my $until = time + $seconds;
my @folders = ('INBOX', 'INBOX.Box');
$SIG{PIPE} = 'IGNORE';
$SIG{ALRM} = sub { die "no answer in time\n" };
alarm $seconds + 120;

sub cmd {
	my ($c, $command) = @_;
	my $tag = 't' . ++$c->{n};
	print {$c->{in}} "$tag $command\r\n";
	my $said = '';
	while (defined(my $line = readline $c->{out})) {
		$said .= $line;
		return $said if $line =~ /^$tag /;
	}
	die "the session ended at '$command': $said\n";
}

# Notes are lines: "uid FOLDER VALIDITY UID SUBJECT", "put SUBJECT", "dropped SUBJECT".
sub view {
	my ($c, $log) = @_;
	my $said = cmd($c, 'UID FETCH 1:* (BODY.PEEK[HEADER.FIELDS (SUBJECT)])');
	my %uid;
	while ($said =~ /FETCH \(UID (\d+) BODY[^\n]*\nSubject: (\S+)/g) {
		print $log "uid $c->{folder} $c->{validity} $1 $2\n";
		$uid{$1} = $2;
	}
	return \%uid;
}

sub choose {
	my ($c, $folder) = @_;
	$c->{folder} = $folder;
	($c->{validity}) = cmd($c, "SELECT $folder") =~ /UIDVALIDITY (\d+)/ or die "no SELECT\n";
}

sub session {
	my ($who, $log) = @_;
	my %c = (n => 0);
	$c{pid} = open2($c{out}, $c{in}, $imapd, "$top/M");
	$c{in}->autoflush(1);
	readline $c{out};
	choose(\%c, $folders[$who % 2]);
	my $serial = 0;
	while (time < $until) {
		my $what = int rand 8;
		my $all = view(\%c, $log);
		my @uids = keys %$all;
		my $uid = $uids[rand @uids];
		my ($other) = grep { $_ ne $c{folder} } @folders;
		if ($what <= 1 || !@uids) {
			my $subject = "s$who-" . ++$serial;
			my $text = "Subject: $subject\r\n\r\nx\r\n";
			my $said = cmd(\%c, "APPEND $folders[rand 2] {" . length($text) . "+}\r\n$text");
			print $log "put $subject\n" if $said =~ / OK \[APPENDUID/;
		} elsif ($what == 2) {
			cmd(\%c, "UID STORE $uid FLAGS.SILENT (\\Seen kw$who)");
		} elsif ($what == 3) {
			print $log "dropped $all->{$uid}\n";
			cmd(\%c, "UID STORE $uid +FLAGS (\\Deleted)");
			cmd(\%c, "UID EXPUNGE $uid");
		} elsif ($what == 4) {
			cmd(\%c, "UID MOVE $uid $other");
		} elsif ($what == 5) {
			choose(\%c, $other);
		} else {
			cmd(\%c, $what == 6 ? 'NOOP' : 'STATUS INBOX (MESSAGES UIDNEXT)');
		}
	}
	cmd(\%c, 'LOGOUT');
	waitpid $c{pid}, 0;
}

sub deliver {
	my ($log) = @_;
	for (my $n = 1; time < $until; $n++) {
		my $name = int(time) . ".M${n}P$$.host";
		open my $f, '>', "$top/M/tmp/$name" or die;
		print $f "Subject: d-$n\n\nx\n";
		close $f or die;
		rename "$top/M/tmp/$name", "$top/M/new/$name" or die;
		print $log "put d-$n\n";
		sleep 0.02;
	}
}

my %pids;
for my $who (0 .. 4) {
	my $pid = fork // die;
	if (!$pid) {
		srand($who + 1);
		open my $log, '>', "$top/log.$who" or die;
		$log->autoflush(1);
		eval { $who == 4 ? deliver($log) : session($who, $log); 1 } or print $log "died $@";
		close $log;
		require POSIX;
		POSIX::_exit(0);
	}
	$pids{$pid} = $who;
}
waitpid $_, 0 for keys %pids;

open my $last, '>', "$top/log.last" or die;
my %c = (n => 0);
$c{pid} = open2($c{out}, $c{in}, $imapd, "$top/M");
$c{in}->autoflush(1);
readline $c{out};
my %there;
for my $folder (@folders) {
	choose(\%c, $folder);
	$there{$_}++ for values %{view(\%c, $last)};
}
cmd(\%c, 'LOGOUT');
close $last;

my (%meaning, %put, %dropped, @conflicts, @died);
for my $file (glob "$top/log.*") {
	open my $f, '<', $file or die;
	while (<$f>) {
		chomp;
		if (/^uid (\S+ \d+ \d+) (\S+)/) {
			my $old = $meaning{$1} //= $2;
			push @conflicts, "$1 was $old and $2" if $old ne $2;
		}
		$put{$1} = 1 if /^put (\S+)/;
		$dropped{$1} = 1 if /^dropped (\S+)/;
		push @died, $_ if /^died/;
	}
}
my @lost = grep { !$dropped{$_} && !$there{$_} } sort keys %put;
my @double = grep { $there{$_} > 1 } sort keys %there;
is_deeply(\@died, [], 'every session lived');
is_deeply(\@conflicts, [], 'a UID means one message');
is_deeply(\@lost, [], 'nothing is lost');
is_deeply(\@double, [], 'nothing is there twice');
cmp_ok(scalar keys %put, '>', 50, 'there was something to do');
is(scalar(@{[glob "$top/M/tmp/*"]}), 0, 'nothing is left in tmp');
done_testing;
