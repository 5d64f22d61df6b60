#!/usr/bin/perl
# Clients that only ask for what has changed (QRESYNC), while a session, a program that renames and
# removes files, and deliveries change the folder: in the end they know exactly what is there.
use strict;
use warnings;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Courier::ImapPipe;
use POSIX ();
use Time::HiRes qw(time sleep);

my $seconds = $ENV{COURIER_TEST_LONG} ? 60 : 3;
my $until = time + $seconds;
my $dir = maildir();
put($dir, message(Subject => $_), flags => '') for 1 .. 40;
my $seed = $ENV{COURIER_TEST_SEED} || $$ + time;
note("COURIER_TEST_SEED=$seed");

sub child {
	my ($n, $code) = @_;
	defined(my $pid = fork) or die "fork: $!";
	return $pid if $pid;
	srand $seed + $n;
	alarm $seconds + 60;
	my $ok = eval { $code->(); 1 };
	warn $@ unless $ok;
	POSIX::_exit($ok ? 0 : 1);
}

sub random_flags { return join ' ', grep { rand() < 0.5 } '\Seen', '\Flagged', '\Answered', 'Kw' . int rand 3 }

my @writers;
push @writers, child(1, sub {
	my $c = client($dir);
	$c->cmd('SELECT INBOX');
	while (time < $until) {
		my $n = 1 + int rand 20;
		my $what = rand;
		$c->cmd("STORE $n FLAGS (" . random_flags() . ')') if $what < 0.6;
		$c->cmd("STORE $n +FLAGS.SILENT (\\Deleted)") if $what > 0.8;
		$c->cmd('EXPUNGE') if $what > 0.95;
		if ($what > 0.6 && $what < 0.8) {
			$c->put("x APPEND INBOX (\\Seen) {6+}\r\nA: b\r\n\r\n");
			$c->reply('x');
		}
	}
	$c->end;
});
push @writers, child(2, sub {
	my $n = 0;
	while (time < $until) {
		my @files = glob "$dir/cur/*";
		my $file = $files[rand @files];
		my $letters = join '', grep { rand() < 0.5 } qw(F R S);
		rename $file, $file =~ s/:2,.*/:2,$letters/r if $file && rand() < 0.7;
		unlink $file if $file && rand() < 0.05;
		put($dir, message(Subject => 'new ' . ++$n)) if rand() < 0.1;
		sleep 0.005;
	}
});

# ---- a client that only asks for changes ------------------------------------------------

sub uids {
	my ($set) = @_;
	return map {/^(\d+):(\d+)$/ ? ($1 .. $2) : $_} split /,/, $set;
}

sub take {
	my ($known, @lines) = @_;
	for (@lines) {
		delete @$known{uids($1)} if /^\* VANISHED (?:\(EARLIER\) )?(\S+)/;
		$known->{$1} = join ' ', sort grep { $_ ne '\Recent' } split ' ', $2 if /^\* \d+ FETCH \(UID (\d+) FLAGS \(([^)]*)\)/;
	}
}

sub resync {
	my ($c, $state) = @_;
	my $known = $state->{known};
	my $ask = $state->{modseq} ? " (QRESYNC ($state->{validity} $state->{modseq}" . (rand() < 0.5 && %$known
		? ' ' . join(',', sort {$a <=> $b} keys %$known) : '') . '))' : '';
	my @r = $c->cmd("SELECT INBOX$ask");
	return "@r" if $r[-1] !~ /^OK/;
	my $before = $state->{modseq} || 0;
	take($known, @r);
	/UIDVALIDITY (\d+)/ and $state->{validity} = $1 for @r;
	/HIGHESTMODSEQ (\d+)/ and $state->{modseq} = $1 for @r;
	return 'the highest went back' if $state->{modseq} < $before;
	# who names the UIDs it knows asks for the others itself
	take($known, $c->cmd('UID FETCH 1:* (FLAGS)' . ($before ? " (CHANGEDSINCE $before)" : '')));
	return;
}

my %state = (known => {});
my ($rounds, $fault) = (0);
my $stays = client($dir);
$stays->cmd('ENABLE QRESYNC');
my %stays = (known => {});
$fault = resync($stays, \%stays);
while (time < $until + 0.3 && !$fault) {
	my $c = client($dir);
	$c->cmd('ENABLE QRESYNC');
	$fault = resync($c, \%state);
	$c->end;
	take($stays{known}, $stays->cmd('NOOP'));
	$rounds++;
}
is($fault, undef, 'each time the server answers');
for (@writers) {
	waitpid $_, 0;
	is($?, 0, 'who changes things ends well');
}
ok($rounds > 1, "there were $rounds rounds");

my $c = client($dir);
$c->cmd('ENABLE QRESYNC');
is(resync($c, \%state), undef, 'the last time');
take($stays{known}, map {$stays->cmd('NOOP')} 1 .. 2);
my %truth;
$c->cmd('SELECT INBOX');
take(\%truth, $c->cmd('UID FETCH 1:* (FLAGS)'));
ok(%truth > 5, 'there is something');
is_deeply($state{known}, \%truth, 'who selects again and again knows it all');
# what came in meanwhile is only announced by its number
take($stays{known}, $stays->cmd('UID FETCH ' . join(',', grep {!$stays{known}{$_}} sort {$a <=> $b} keys %truth) . ' (FLAGS)'))
	if grep {!$stays{known}{$_}} keys %truth;
is_deeply($stays{known}, \%truth, 'who stays knows it, too');
$_->end for $c, $stays;
done_testing;
