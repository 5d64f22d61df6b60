#!/usr/bin/perl
# slow
# perlfilter: the administrator's script in processes of its own, and the scripts that ship
# (MTA-2011, MTA-2012, MTA-2013, MTA-2014, MTA-2015, MTA-2016).
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(sleep time);
use Courier::FilterRun;

-x Courier::FilterRun::program('perlfilter') or plan skip_all => 'built without Perl';
my $share = "$ENV{COURIER_TEST_PREFIX}/share/courier";
my $text = "Subject: x\nDate: Thu, 26 Nov 2026 10:00:00 +0000\n\nbody\n";

# A script of the administrator's, started.
sub filter {
	my ($script, %config) = @_;
	my $f = Courier::FilterRun->new('perlfilter', config => {%config}, idle => 1);
	my $path = $f->file('script.pl', $script);
	$f->file('etc/filters/perlfilter', "$path\n");
	return $f;
}

# The processes there are, when they are n or after a while.
sub crew {
	my ($f, $n) = @_;
	my $until = time + 10;
	sleep 0.02 while time < $until && children($f) != $n;
	return scalar(() = children($f));
}

sub children { my ($f) = @_; my $pid = $f->pid; return grep {/\d/} split /\s+/, `cat /proc/$pid/task/$pid/children` }

my $tells = <<'END';
use strict;
use warnings;
use Cwd;
our $n;
$n++;
my $top = "top $n";
sub top { return $top }
my $number = shift @ARGV;
open my $server, '+<&=', $number or die;
my @paths;
while (my $line = <$server>) {
	chomp $line;
	last if $line eq '';
	push @paths, $line;
}
open my $data, '<', $paths[0] or die;
my ($subject) = grep {/^Subject/} <$data>;
chomp $subject;
die "I am told to\n" if $subject =~ /die/;
exit 3 if $subject =~ /exit/;
sleep 1 if $subject =~ /sleep/;
kill KILL => $$ if $subject =~ /kill/;
syswrite $server, "250-$n $$ " . getcwd() . " " . scalar(@ARGV) . " " . top() . "\n250 @paths\n";
close $server if $subject !~ /open/;
__END__
this is no Perl
END

# MTA-2013: the contract; MTA-2011: processes
{
	my $f = filter($tells, 'perlfilter-numprocs' => 2);
	ok($f->start, 'started');
	is(crew($f, 2), 2, 'numprocs 2: two processes and the one that minds them');
	my $m = $f->message($text);
	my $cwd = $f->path('var');
	my (%pids, %last);
	for (1 .. 20) {
		my ($n, $pid, $folder, $args, $top) = $f->ask($m) =~ /\A250-(\d+) (\d+) (\S+) (\d+) (top \d+)\n250 \Q@$m\E\n\z/ or next;
		$pids{$pid}++;
		is($n, ++$last{$pid}, 'the same script again and again, its variables stay') if $_ < 4;
		is("$folder $args", "$cwd 0", 'in the folder it was started in, its argument was the only one') if $_ == 1;
	}
	is(eval { my $s = 0; $s += $_ for values %pids; $s }, 20, 'all answered');
	like($f->ask($f->message("Subject: left open\n\n")), qr/^250 /m, 'a script that does not close its connection');
	is($f->ask($f->message("Subject: die\n\n")), '', 'a script that dies gives no answer, which means later');
	like($f->log, qr/the script failed: I am told to/, 'and a line in the log');
	my %before = map {$_ => 1} children($f);
	is($f->ask($f->message("Subject: exit\n\n")), '', 'so does one that exits');
	is($f->ask($f->message("Subject: kill\n\n")), '', 'and one that is killed');
	my $until = time + 10;
	sleep 0.05 while time < $until && scalar(grep {!$before{$_}} children($f)) < 2;
	is(scalar(grep {!$before{$_}} children($f)), 2, 'others take their places');
	like($f->ask($m), qr/^250-1 /, 'and serve');
	like($f->log, qr/process \d+ ended with status 3; another one takes its place/, 'the log tells of it');

	my $began = time;
	my @s = map {[$f->connect, $f->message("Subject: sleep\n\n")]} 1 .. 4;
	syswrite $_->[0], join '', map {"$_\n"} @{$_->[1]}, '' for @s;
	sleep 0.3;
	is($f->stop, 0, 'the end of its input ends it');
	is(scalar(grep {/^250-/} map {$f->rest($_->[0])} @s), 4, 'after all who had asked were answered');
	cmp_ok(time - $began, '>', 1.8, 'two at a time');
	is(scalar(grep {-d "/proc/$_"} keys %pids), 0, 'no process is left');
}

# MTA-2012: its settings
{
	my $f = filter($tells, 'perlfilter-mode' => 'all');
	ok($f->start, 'started');
	ok(-S $f->path('var/allfilters/perlfilter') && !-e $f->path('var/filters/perlfilter'), 'mode all: the socket stands in allfilters');
	is(crew($f, 5), 5, 'five processes unless told');
	my @children = children($f);
	$f->kill('KILL');
	my $until = time + 10;
	sleep 0.05 while time < $until && grep {-d "/proc/$_"} @children;
	is(scalar(grep {-d "/proc/$_"} @children), 0, 'when their keeper is killed the processes end, too');
	ok($f->start, 'started again');
	like($f->judge($text), qr/^250-1 /, 'and it serves');
	is($f->kill('TERM'), 0, 'SIGTERM ends it');
	for my $bad (["this is ( no Perl\n", qr/script\.pl' *: .*line 1|script\.pl/], ["use No::Such::Module;\n", qr/No\/Such\/Module/]) {
		my $g = filter($bad->[0]);
		ok(!$g->start, 'a script that does not compile: it does not start');
		like($g->log, $bad->[1], 'and says why');
	}
	my $g = Courier::FilterRun->new('perlfilter', idle => 1);
	ok(!$g->start, 'without a script it does not start');
	like($g->log, qr{etc/filters/perlfilter' must hold}, 'and says what is missing');
	$g->file('etc/filters/perlfilter', "/no/such/script\n");
	ok(!$g->start, 'nor with one that is not there');
	like($g->log, qr{cannot use the script '/no/such/script': cannot read it: No such file}, 'by name');
}

# MTA-2016: the example
{
	my $f = Courier::FilterRun->new('perlfilter', config => {perlfilter => "$share/perlfilter-example.pl"});
	is($f->judge($text), "200 Ok\n", 'perlfilter-example.pl: a message passes') for 1 .. 3;
	my $long = "Subject: x\nDate: " . ('9' x 100) . "\n\nDate: not here\n";
	is($f->judge($long), "550 5.6.0 The Date: of the message is longer than 80 characters.\n", 'one with a harmful Date: does not') for 1 .. 10;
	is($f->judge("Subject: x\n\nDate: " . ('9' x 100) . "\n"), "200 Ok\n", 'a body may say what it likes');
	like($f->ask(['/no/file', '/no/file']), qr/^451 /, 'what cannot be read is for later');
	$f->stop;
}

# MTA-2014: the rate limit
sub limited {
	my ($settings) = @_;
	my $f = Courier::FilterRun->new('perlfilter', config => {perlfilter => "$share/perlfilter-ratelimit.pl"}, idle => 1);
	$f->file('etc/filters/perlfilter-ratelimit', $settings) if defined $settings;
	return $f;
}
sub from { my ($ip, @more) = @_; return (env => ["TCPREMOTEIP=$ip", 'RELAYCLIENT='], @more) }
{
	my $f = limited();
	ok($f->start, 'perlfilter-ratelimit.pl: started');
	my @answers = map {$f->judge($text, from('192.0.2.9', rcpts => ['a@b.c', 'd@e.f']))} 1 .. 101;
	is(scalar(grep {$_ eq "200 Ok\n"} @answers), 100, 'a hundred messages pass, whichever process counts them');
	is($answers[100], "552 192.0.2.9 is sending too much mail, slow down.\n", 'the next does not');
	is($f->judge($text, from('192.0.2.10')), "200 Ok\n", 'another client goes on');
	my @outside = map {$f->judge($text, env => ['TCPREMOTEIP=192.0.2.11'])} 1 .. 110;
	is(scalar(grep {$_ eq "200 Ok\n"} @outside), 110, 'EXTERNAL 0: who may not relay is not limited');
	my @own = map {$f->judge($text, from('127.0.0.1'))} 1 .. 110;
	is(scalar(grep {$_ eq "200 Ok\n"} @own), 110, 'EXCLUDE 127.0.0.1: nor is this machine');
	$f->stop;

	$f = limited("# ours\nWINDOW=2\nLIMIT=5\nCOUNT=r\nEXCLUDE=192.0.2.1, 192.0.2.2\nEXTERNAL=1\nMESSAGES=50\n");
	$f->start;
	is($f->judge($text, env => ['TCPREMOTEIP=::ffff:192.0.2.12'], rcpts => [map {"$_\@x.y"} 1 .. 4]), "200 Ok\n", 'COUNT r: four recipients');
	is($f->judge($text, env => ['TCPREMOTEIP=192.0.2.12'], rcpts => [map {"$_\@x.y"} 1 .. 2]), "552 192.0.2.12 is sending too much mail, slow down.\n", 'two more; EXTERNAL 1: for everybody');
	is($f->judge($text, from => 'dns; h (h [192.0.2.13])', rcpts => [map {"$_\@x.y"} 1 .. 6]), "552 192.0.2.13 is sending too much mail, slow down.\n", 'the address may stand in the f record');
	is($f->judge($text, from("192.0.2.$_"), rcpts => [map {"$_\@x.y"} 1 .. 9]), "200 Ok\n", "EXCLUDE: 192.0.2.$_") for 1, 2;
	sleep 3;
	is($f->judge($text, from('192.0.2.12')), "200 Ok\n", 'WINDOW 2: later it may again');

	# MTA-2015: the dump
	my $dump = $f->file('etc/filters/perlfilter-dump', '');
	$f->judge($text, from('192.0.2.14'));
	open my $in, '<', $dump or die;
	my $state = join '', <$in>;
	like($state, qr/^LIMIT=5$/m, 'perlfilter-dump: the settings');
	like($state, qr/^sum 192\.0\.2\.14 1$/m, 'perlfilter-dump: what each client sent');
	like($state, qr/^message \d+ 192\.0\.2\.12 1$/m, 'perlfilter-dump: every message');
	$f->judge($text, from('192.0.2.15'));
	open $in, '<', $dump or die;
	is(join('', <$in>), $state, 'a file that is not empty is left alone');
	$f->judge($text, from('192.0.2.16')) for 1 .. 60;
	$f->file('etc/filters/perlfilter-dump', '');
	$f->judge($text, from('192.0.2.17'));
	open $in, '<', $dump or die;
	is(scalar(grep {/^message/} <$in>), 50, 'MESSAGES 50: so many are remembered');
	$f->stop;

	$f = limited("LIMIT=lots\n");
	ok(!$f->start, 'a setting that means nothing: it does not start');
	like($f->log, qr/perlfilter-ratelimit: line 1 is not understood/, 'and says where');
}

done_testing;
