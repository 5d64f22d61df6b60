#!/usr/bin/perl
# What the filters that ship do with requests that no gate makes, with crowds, and at their end.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use POSIX ();
use Time::HiRes qw(sleep time);
use Courier::FilterRun;

my %usual = (dupfilter => "200 Ok.\n", ratefilter => "200 Ok\n", verifyfilter => "200 Ok\n");

# kilobytes; the sanitizers keep more
my $most = $ENV{ASAN_OPTIONS} ? 400_000 : 100_000;

sub fds { return scalar(() = glob "/proc/$_[0]/fd/*") }

sub memory {
	open my $f, '<', "/proc/$_[0]/status" or return 0;
	my ($kb) = map {/^VmHWM:\s+(\d+)/ ? $1 : ()} <$f>;
	return $kb;
}

for my $name (sort keys %usual) {
	my $f = Courier::FilterRun->new($name, etc => {me => "me.example\n", resolver => "127.0.0.1\@1\n"});
	my $good = $f->message("Subject: x\n\nbody\n", sender => '', login => 'someone');
	is($f->ask($good), $usual{$name}, "$name: a message passes");

	my $fifo = $f->path('var/tmp/fifo');
	POSIX::mkfifo($fifo, 0600);
	my $link = $f->path('var/tmp/link');
	symlink $good->[1], $link;
	for my $bad (['missing', '/nowhere/at/all'], ['a FIFO', $fifo], ['a folder', $f->path('var/tmp')], ['a device', '/dev/zero'],
		['a symbolic link', $link]) {
		my ($what, $path) = @$bad;
		my $answer = $name eq 'dupfilter' ? $f->ask([$path, $good->[1]]) : $f->ask([$good->[0], $path]);
		like($answer, qr/\A451 4\.3\.0 $name cannot judge the message right now\n\z/, "$name: $what: later");
	}

	like($f->say("\n\n"), qr/^451 4\.3\.0 /, "$name: an empty request: later");
	like($f->say("$good->[0]\n\n"), qr/^451 4\.3\.0 /, "$name: no control file: later");
	like($f->say("a\0b\nc\n\n"), qr/^451 4\.3\.0 /, "$name: a NUL byte: later");
	like($f->say(('x' x 5000) . "\ny\n\n"), qr/^451 4\.3\.0 /, "$name: a path without end: later");
	like($f->say(("$good->[1]\n" x 1100) . "\n"), qr/^451 4\.3\.0 /, "$name: too many control files: later");
	my $endless = "some/path\n" x 60000;
	like($f->say($endless), qr/^451 4\.3\.0 /, "$name: a request without end: later");

	my $half = $f->connect;
	syswrite $half, $good->[0];
	my $silent = $f->connect;
	my $impatient = $f->connect;
	syswrite $impatient, join '', map {"$_\n"} @$good, '';
	close $impatient;
	is($f->ask($good), $usual{$name}, "$name: those who say half, nothing or leave hinder nobody");
	my $slow = $f->connect;
	for my $byte (split //, join '', map {"$_\n"} @$good, '') {
		syswrite $slow, $byte;
	}
	like($f->rest($slow), qr/^(?:200|550) /, "$name: a request may come in any pieces");
	close $_ for $half, $silent;

	my $before = fds($f->pid);
	for my $round (1 .. 4) {
		my @crowd = grep {$_} map {$f->connect} 1 .. 400;
		is(scalar @crowd, 400, "$name: a crowd of 400 gets in") if $round == 1;
		syswrite $_, join '', map {"$_\n"} @$good, '' for @crowd[0 .. 199];
		my @answers = map {$f->rest($_)} @crowd[0 .. 199];
		my @other = grep {$_ !~ /^(?:200|550)/} @answers;
		is("@other", '', "$name: crowd $round is answered");
	}
	for (1 .. 3000) {
		my $passing = $f->connect or next;
		syswrite $passing, $good->[0] if $_ % 2;
	}
	my @idle = grep {$_} map {$f->connect} 1 .. 800;
	is($f->ask($good) =~ /^(?:200|550)/ ? 'answered' : 'not', 'answered', "$name: behind " . @idle . ' who say nothing, and thousands who left');
	close $_ for @idle;
	for (1 .. 50) {
		last if fds($f->pid) <= $before + 2;
		sleep 0.1;
	}
	cmp_ok(fds($f->pid), '<=', $before + 2, "$name: no descriptor is left from them");
	cmp_ok(memory($f->pid), '<', $most, "$name: memory stays small");

	# what was asked is answered, then it ends
	my @asked = map {$f->connect} 1 .. 20;
	syswrite $_, join '', map {"$_\n"} @$good, '' for @asked;
	is($f->stop, 0, "$name: the end of its input ends it");
	my @answers = map {$f->rest($_)} @asked;
	is(scalar(grep {/^(?:200|550)/} @answers), 20, "$name: who had asked was answered");

	ok($f->start, "$name: started again");
	is($f->kill('KILL') & 127, 9, "$name: killed");
	ok($f->start, "$name: started over what that left");
	like($f->ask($good), qr/^200 /, "$name: and it serves");
	$f->kill('TERM');
	is($f->{status}, 0, "$name: SIGTERM ends it");
}

# A gigabyte, most of it a hole.
{
	my $f = Courier::FilterRun->new('dupfilter');
	my $m = $f->message("Subject: x\n\nsome letters\n");
	truncate $m->[0], 1 << 30 or die "truncate: $!";
	my $began = time;
	is($f->ask($m), "200 Ok.\n", 'dupfilter: a gigabyte');
	cmp_ok(time - $began, '<', 20, 'dupfilter: of which the beginning is looked at');
	cmp_ok(memory($f->pid), '<', $most, 'dupfilter: and never held');
	$f->stop;
	my $g = Courier::FilterRun->new('ratefilter');
	my $c = $g->message("Subject: x\n\n", login => 'joe');
	truncate $c->[1], 1 << 30 or die "truncate: $!";
	like($g->ask($c), qr/^451 4\.3\.0 /, 'ratefilter: a control file of a gigabyte: later');
	cmp_ok(memory($g->pid), '<', $most, 'ratefilter: is not read');
	$g->stop;
}

# No place for the socket.
{
	my $f = Courier::FilterRun->new('dupfilter', idle => 1);
	$f->file('var/notafolder', 'x');
	rmdir $f->path('var/filters');
	rename $f->path('var/notafolder'), $f->path('var/filters');
	ok(!$f->start, 'without a place for its socket a filter ends');
	like($f->log, qr/'[^']+filters[^']*'/, 'and says why');
}

done_testing;
