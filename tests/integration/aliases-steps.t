#!/usr/bin/perl
# slow
# makealiases killed, and failing, at each of its steps; many at a time; a very long alias.
# MTA-1501 MTA-1612 MTA-1515
use strict;
use warnings;
use Test::More;
use Errno qw(ENOSPC);
use FindBin;
use lib "$FindBin::Bin/../lib";
use Courier::Test;
use Courier::Faults;
use Courier::FakeSMTP;
use Time::HiRes qw(time);

my $t = Courier::Test->new(users => ['alice'], config => {esmtpd => {TARPIT => 0}},
	files => {'smtpaccess/default' => "127.0.0.1\tallow\n", esmtpdelay => "1h\n"});
my ($etc, $d) = ($t->path('etc'), $t->domain);
my $xalias = "$etc/aliasdir/.courier-:xalias";
my $faults = Courier::Faults->new;
# what ten aliases are before and after: members, a program each, one that comes and one that goes
my $names = join '', map {"a$_ "} 0 .. 9;
my %text = (
	old => join('', map {"a$_: old$_\@far.example, both\@far.example\n"} 0 .. 9) . "prog: | old\ngone: | gone\n",
	new => join('', map {"a$_: new$_\@far.example, both\@far.example\n"} 0 .. 9) . "prog: | new\ncome: | come\n");

sub make {
	my ($which, %o) = @_;
	$t->file('etc/aliases/test', $text{$which});
	local $ENV{LD_PRELOAD} = $faults->{so};
	$faults->arm(program => 'makealiases', at => $o{at}, error => $o{error} || 0, classes => 'files') if $o{at};
	my $out = $t->command('makealiases');
	my $status = $?;
	return ($status, $o{at} ? $faults->disarm : 0, $out);
}

# 'old', 'new', or what is wrong
sub state_now {
	my @found = split /\n/, $t->command('aliaslookup', (map {"a$_"} 0 .. 9));
	return "aliaslookup has failed: @found" if $?;
	my $old = grep {/^old/} @found;
	my $new = grep {/^new/} @found;
	return "$old old and $new new members" if @found != 20 || $old * $new || $old + $new != 10;
	my $which = $old ? 'old' : 'new';
	for my $name ('prog', $old ? 'gone' : 'come') {
		return "$which, but '$name' is no alias" if $t->command('aliaslookup', $name) !~ /xalias/;
		return "$which, but the program of '$name' has gone" if !-s "$xalias/$name";
	}
	return $which;
}

is((make('old'))[0], 0, 'a table to begin with');
my ($n, @bad, %seen) = (0);
for my $how (0, ENOSPC) {
	for ($n = 1; $n < 500; $n++) {
		my ($status, $hits, $out) = make('new', at => $n, error => $how);
		my $now = state_now();
		$seen{$now}++;
		push @bad, "step $n: $now" if $now !~ /^(old|new)$/;
		push @bad, "step $n: it fails but says nothing" if $how && $hits && $status && $out !~ /makealiases: /;
		push @bad, "step $n: it fails with success, and the table is $now" if $status == 0 && $now ne 'new';
		my ($again) = make('old');
		push @bad, "step $n: the next run fails too" if $again || state_now() ne 'old';
		last if !$hits;
	}
	is("@bad", '', 'MTA-1501 MTA-1515: ' . ($how ? "a full disk at each of $n steps" : "killed at each of $n steps") . ': old or new');
	cmp_ok($n, '>', 10, 'there are some');
	@bad = ();
}
ok($seen{old} && $seen{new}, 'both have been seen');
is_deeply([grep {!/aliases\.dat$|esmtp|hosted/} glob "$etc/*.dat*"], [], 'no half-made table is left behind') or diag join ' ', glob "$etc/*.dat*";
is_deeply([sort map {s,.*/,,r} glob "$xalias/* $xalias/.[a-z]*"], ['gone', 'prog'], 'nor instructions');

# ---- many at a time --------------------------------------------------------------------------

$t->file("etc/source-$_", $text{$_}) for 'old', 'new';
my @pids = map {
	my $which = $_ % 2 ? 'old' : 'new';
	my $pid = fork // die;
	if (!$pid) {
		$t->command('makealiases', "-src=$etc/source-$which");
		require POSIX;
		POSIX::_exit($? ? 1 : 0);
	}
	$pid
} 1 .. 12;
my ($failed, $looks) = (0, 0);
while (@pids) {
	my $pid = waitpid -1, 1;
	$failed += $? != 0 if $pid > 0;
	@pids = grep {$_ != $pid} @pids;
	my @found = split /\n/, $t->command('aliaslookup', 'a3');
	$looks++;
	push @bad, "@found" if @found != 2;
}
is($failed, 0, 'MTA-1612: twelve at a time wait for each other');
is("@bad", '', "who looks meanwhile ($looks times) finds a whole table");
like(state_now(), qr/^(old|new)$/, 'and in the end there is one');

# ---- a hundred thousand members --------------------------------------------------------------

my $many = join ",\n\t", map {"member$_\@far.example"} 1 .. 100_000;
$t->file('etc/aliases/test', "many: $many\nagain: many, more\@far.example\n");
my $begin = time;
is(($t->command('makealiases'), $?)[1], 0, 'an alias of 100,000, and one that holds it');
cmp_ok(time - $begin, '<', 20, sprintf 'in %.1f s', time - $begin);
is($t->command('aliaslookup', 'again') =~ tr/\n//, 100_001, 'MTA-1522: all are there, over many records');
my $far = Courier::FakeSMTP->new(greeting => '450 later');
$t->file('etc/esmtproutes', ':[127.0.0.1],' . $far->port . "\n");
$t->start;
my $s = $t->connect('smtp');
$t->smtp_reply($s);
$t->smtp($s, $_) for 'EHLO client.test', 'MAIL FROM:<x@far.example>';
$begin = time;
like($t->smtp($s, "RCPT TO:<again\@$d>"), qr/^250 /, 'the gate takes it');
cmp_ok(time - $begin, '<', 5, sprintf 'in %.2f s', time - $begin);
$begin = time;
like($t->smtp($s, "RCPT TO:<many\@$d>"), qr/^250 /, 'and again');
$t->smtp($s, 'DATA');
print $s "Subject: many\r\n\r\nx\r\n.\r\n";
like($t->smtp_reply($s), qr/^250 /, 'MTA-1517: the message is accepted, each member once');
cmp_ok(time - $begin, '<', 30, sprintf 'in %.1f s', time - $begin);
my $queued = 0;
for my $file (glob $t->path('var/queue/msgs/*/C*')) {
	open my $f, '<', $file or next;
	$queued += grep {/^r/} <$f>;
}
cmp_ok($queued, '<=', 100_001, 'no member twice');
my ($worst) = sort {$b <=> $a} map {my $p = $_; open my $f, '<', "/proc/$p/status"; my ($kb) = map {/VmHWM:\s+(\d+)/ ? $1 : ()} <$f>; $kb || 0}
    map {/^gate\s+\S+\s+(\d+)/ ? $1 : ()} split /\n/, $t->command('courier', '-C', $t->path(''), 'status');
cmp_ok($worst, '<', 400_000, "memory of the gate stays bounded ($worst kB)");

done_testing;
