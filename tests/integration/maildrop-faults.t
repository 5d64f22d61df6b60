#!/usr/bin/perl
# maildrop and deliverquota, killed before each of their system calls that change a file system, and
# each of these failing: a message is absent or whole, what was told done is there, quota files heal.
use strict;
use warnings;
use Cwd qw(abs_path);
use Errno qw(ENOSPC EIO);
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use Test::More;
use Courier::Test;
use Courier::Faults;

my $bin = ($ENV{COURIER_TEST_PREFIX} || BAIL_OUT('COURIER_TEST_PREFIX is not set')) . '/bin';
my $faults = Courier::Faults->new;
my $dir = tempdir(CLEANUP => 1);
chdir $dir or die;
my %seen;

sub spew { my ($file, $text) = @_; open my $fh, '>', $file or die "$file: $!"; print $fh $text; close $fh; chmod 0600, $file }
sub slurp { my ($file) = @_; local $/; open my $fh, '<', $file or return ''; return scalar <$fh> // '' }
sub mail { my ($id) = @_; return "Subject: $id\n\n" . "line of $id\nFrom here\n" x 5000 . "end of $id\n" }

# (exit status or 'killed', whether the fault was met)
sub run {
	my ($at, $error, $id, $program, @args) = @_;
	spew('in', mail($id));
	local $ENV{LD_PRELOAD} = $faults->{so};
	$faults->arm(program => $program, at => $at, error => $error) if $at;
	my $status = system('/bin/sh', '-c', 'exec timeout 20 "$@" <in 2>err', 'sh', "$bin/$program", @args);
	delete $ENV{LD_PRELOAD};
	my $met = $at ? $faults->disarm : 0;
	my $code = $status >> 8;
	return ($code >= 128 || $status & 127 ? 'killed' : $code, $met);
}

# ids of the whole messages in an mbox; dies of others
sub mbox {
	my ($path) = @_;
	my %n;
	for my $m (split /^(?=From \S+ \w{3} \w{3} )/m, slurp($path)) {
		my ($id) = $m =~ /^Subject: (.*)/m or die "a message without subject";
		$m =~ /^end of \Q$id\E\n\n\z/m or die "'$id' is not whole: " . length $m;
		$n{$id}++;
	}
	return \%n;
}

sub files {
	my ($box) = @_;
	my ($n, $bytes) = (0, 0);
	for my $f (glob "$box/new/*") {
		my $text = slurp($f);
		my ($id) = $text =~ /^Subject: (.*)/ or die "$f has no subject";
		$text eq mail($id) or die "$f is not whole";
		$n++;
		$bytes += length $text;
	}
	return ($n, $bytes);
}

sub sum {
	my ($box) = @_;
	my ($bytes, $n) = (0, 0);
	my ($head, @lines) = split /\n/, slurp("$box/maildirsize");
	for (@lines) { my ($b, $c) = /^\s*(-?\d+)\s+(-?\d+)/ or next; $bytes += $b; $n += $c }
	return ($n, $bytes);
}

spew('mbox.f', "to box\n");
spew('probe', '');
# setxattr(2): without attributes half a message cannot be known
my $call = {x86_64 => 188, aarch64 => 5}->{(POSIX::uname())[4]};
my @probe = ("$dir/probe", 'user.courier.append', '0');
my $attributes = $call && syscall($call, $probe[0], $probe[1], $probe[2], 1, 0) == 0;
my (%met, %bad);
for my $error (0, ENOSPC, EIO) {
	for my $at (1 .. 60) {
		my ($r, $met) = run($at, $error, "m$error-$at", 'maildrop', 'mbox.f');
		last if !$met;
		$met{$error}++;
		unlink 'box.lock';    # of a killed one; that it would be broken is shown elsewhere
		my ($next) = run(0, 0, "n$error-$at", 'maildrop', 'mbox.f');
		my $n = eval { mbox('box') } or do { $bad{"$error-$at: $@"}++; last };
		my $there = $n->{"m$error-$at"} // 0;
		$bad{"$error-$at: the next one was not delivered ($next)"}++ if $next ne '0' || ($n->{"n$error-$at"} // 0) != 1;
		$bad{"$error-$at: done, and there $there times"}++ if $r eq '0' && $there != 1;
		$bad{"$error-$at: status $r, and there"}++ if $r ne '0' && $r ne 'killed' && $there;
		$bad{"$error-$at: status $r"}++ if $r !~ /^(?:0|75|killed)$/;
		unlink 'box' if $at % 10 == 0;
	}
}
SKIP: {
	skip 'this file system has no attributes', 4 if !$attributes;
	cmp_ok($met{$_} // 0, '>=', 4, "DROP-0106 mbox, error $_: calls that were hurt") for 0, ENOSPC, EIO;
	is(join("\n", sort keys %bad), '', 'DROP-0106 an mbox holds whole messages only');
}

my $quota = '900000000S,10000C';
for my $program ('deliverquota', 'maildrop') {
	(%met, %bad) = ();
	system("$bin/maildirmake", '-q', $quota, "md-$program") == 0 or die;
	spew('md.f', "MAILDIRQUOTA=\"$quota\"\nto md-$program\n");
	my @args = $program eq 'maildrop' ? ('md.f') : ("md-$program");
	for my $error (0, ENOSPC, EIO) {
		for my $at (1 .. 60) {
			my ($before) = files("md-$program");
			my ($r, $met) = run($at, $error, "q$error-$at", $program, @args);
			last if !$met;
			$met{$error}++;
			my ($now, $bytes) = eval { files("md-$program") } or $@ eq '' or do { $bad{"$error-$at: $@"}++; last };
			$bad{"$error-$at: status $r, $before then $now"}++
			    if $r eq '0' ? $now != $before + 1 : $r ne 'killed' && $now != $before && $r ne '75';
			$bad{"$error-$at: status $r"}++ if $r !~ /^(?:0|75|killed)$/;
			my ($n, $b) = sum("md-$program");
			# one that is not noted yet at most; counting again mends it
			$bad{"$error-$at: noted $n of $now"}++ if abs($now - $n) > 1;
			if ($n != $now || $b != $bytes) {
				unlink "md-$program/maildirsize";
				system("$bin/maildirmake", '-q', $quota, "md-$program");
				($n, $b) = sum("md-$program");
			}
			$bad{"$error-$at: counted $n/$b, is $now/$bytes"}++ if $n != $now || $b != $bytes;
		}
	}
	cmp_ok($met{$_} // 0, '>=', 4, "MDIR-0027 $program to a Maildir, error $_: calls that were hurt") for 0, ENOSPC, EIO;
	is(join("\n", sort keys %bad), '', "MDIR-0027,MDIR-0039 $program: a Maildir holds whole messages, its quota file heals");
}

# Over the quota by a sum that is wrong: old enough, it is counted anew.
system("$bin/maildirmake", '-q', '1000000S', 'wrong') == 0 or die;
open my $fh, '>>', 'wrong/maildirsize' or die;
print $fh "      990000        3\n      990000        3\n";
close $fh;
my ($r) = run(0, 0, 'heals', 'deliverquota', 'wrong');
is($r, '0', 'MDIR-0039 a wrong sum over the quota is counted anew');
is((files('wrong'))[0], 1, 'MDIR-0039 and the message is there');

# Locks: a live owner's stays, a dead one's goes.
spew('lock.f', "LOCKSLEEP=1\nLOCKTIMEOUT=3600\nto locked\n");
chomp(my $host = `uname -n`);
my $owner = fork // die;
if (!$owner) { sleep 60; exit 0 }
spew('locked.lock', "$owner $host\n");
my $drop = fork // die;
if (!$drop) { exec '/bin/sh', '-c', "exec timeout 30 $bin/maildrop lock.f <in" }
sleep 3;
ok(-e 'locked.lock' && !-s 'locked', 'DROP-0216 the lock of a living process is left alone');
kill 'KILL', $owner;
waitpid $owner, 0;
waitpid $drop, 0;
is($?, 0, 'DROP-0216 the lock of a dead one goes at once');
ok(-s 'locked' && !-e 'locked.lock', 'DROP-0216 and the message is delivered');
done_testing();
