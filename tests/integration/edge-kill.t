#!/usr/bin/perl
# slow
# Each daemon is killed while clients are in the middle of a text (DATA) and of a chunk (BDAT), small and large:
# what is answered by 250 is delivered, once; what is not, never; and mail is taken again soon.
# Then V12: clients that try passwords, and break logins off, do not keep others from theirs.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Courier::Test;
use MIME::Base64;
use Time::HiRes qw(sleep time);

my $t = Courier::Test->new(users => ['alice', 'bob'], config => {esmtpd => {BOFHCHECKDNS => 0, TARPIT => 0}, 'esmtpd-msa' => {ESMTPAUTH => 'PLAIN LOGIN SCRAM-SHA-256'}});
$t->start;
$SIG{PIPE} = 'IGNORE';
my (%taken, $n);

# A client half way through its message; what it has yet to say.
sub half {
	my ($role, $bdat, $large) = @_;
	my $s = $t->connect('smtp');
	$t->smtp_reply($s);
	$t->smtp($s, $_) for 'EHLO c.test', 'MAIL FROM:<x@c.test>', 'RCPT TO:<alice@example.test>';
	my $id = "$role-" . ++$n;
	my $text = "Subject: $id\r\n\r\n" . ($large ? ('x' x 70 . "\r\n") x 3000 : "text\r\n");
	my $half = substr $text, 0, length($text) / 2;
	my $rest = substr $text, length $half;
	if ($bdat) {
		print $s 'BDAT ' . length($half) . "\r\n$half";
		$t->smtp_reply($s);
		print $s 'BDAT ' . length($rest) . " LAST\r\n" . substr $rest, 0, 5, '';
	} else {
		$t->smtp($s, 'DATA');
		print $s $half;
		$rest .= ".\r\n";
	}
	return [$s, $rest, $id];
}

sub pids {
	my ($role) = @_;
	return map {/^\Q$role\E +\d+ +([1-9]\d*) /} split /\n/, $t->command('courier', '-C', $t->path(''), 'status');
}

for my $role ('esmtpd', 'gate', 'sched', 'key', 'auth', 'broker', 'local', 'dsn', 'esmtp', 'sts') {
	my @c = map {half($role, $_ & 1, $_ > 3)} 0 .. 5;
	my @pids = pids($role);
	ok(scalar(@pids), "$role: there") or next;
	kill 'KILL', @pids;
	sleep 0.1;
	print {$_->[0]} $_->[1] for @c;
	my @wrong;
	for my $c (@c) {
		my $r = $t->smtp_reply($c->[0]) // '';
		$taken{$c->[2]} = 1 if $r =~ /^250 /;
		push @wrong, $r if $r !~ /^(?:250|4\d\d)[ -]/ && !($role eq 'esmtpd' && $r eq '');
	}
	is("@wrong", '', "$role: the answers are yes or later");
	ok($t->wait_for(20, sub {
		my $r = $t->send_mail(from => 'x@c.test', to => 'alice@example.test', text => "Subject: $role-after-" . ++$n . "\n\nx\n");
		$taken{"$role-after-$n"} = 1 if $r =~ /^250 /;
		return $r =~ /^250 /;
	}), "$role: then mail is taken again");
}
ok($t->wait_empty_queue, 'all is delivered');
my %have;
$have{$_}++ for map {$_->[1] =~ /^Subject: (\S+)$/m} $t->mailbox('alice');
is(join(' ', grep {!$have{$_}} sort keys %taken), '', 'nothing is lost');
is(join(' ', grep {$have{$_} > 1} sort keys %have), '', 'nothing comes twice');
is(join(' ', grep {!$taken{$_}} sort keys %have), '', 'nothing that was not taken comes');

# ---- V12
sub submission {
	my $s = $t->connect('submission');
	$t->smtp_reply($s);
	$t->smtp($s, 'EHLO c.test');
	return $s;
}
sub plain { my ($user, $password) = @_; return 'AUTH PLAIN ' . encode_base64("\0$user\@example.test\0$password", '') }
my @bad = (
	sub { my ($s) = @_; $t->smtp($s, plain('alice', 'wrong')) },
	sub { my ($s) = @_; $t->smtp($s, 'AUTH PLAIN !!!notbase64') },
	sub { my ($s) = @_; $t->smtp($s, 'AUTH LOGIN'); $t->smtp($s, "\xff\xfe=") },
	sub { my ($s) = @_; $t->smtp($s, 'AUTH LOGIN'); close $s },
	sub { my ($s) = @_; $t->smtp($s, 'AUTH SCRAM-SHA-256 ' . encode_base64('n,,n=alice@example.test,r=abcdef', '')); close $s },
	sub { my ($s) = @_; print $s plain('alice', 'wrong') . "\r\n"; close $s },
	sub { my ($s) = @_; $t->smtp($s, 'AUTH SCRAM-SHA-256 ' . encode_base64("n,,n=\0,r=" . 'x' x 9000, '')) },
);
my @attackers = map {
	my $k = $_;
	my $pid = fork // die "fork: $!";
	if (!$pid) {
		my $until = time + 60; # or until it is killed
		for (my $i = $k; time < $until; $i++) {
			my $s = submission();
			eval { $bad[$i % @bad]->($s) };
			close $s;
		}
		require POSIX;
		POSIX::_exit(0);
	}
	$pid;
} 1 .. 8;
sleep 0.5;
my ($good, $worst) = (0, 0);
for (1 .. 100) {
	my $from = time;
	$good++ if $t->smtp(submission(), plain('bob', $Courier::Test::PASSWORD)) =~ /^235 /;
	$worst = time - $from if time - $from > $worst;
}
is($good, 100, 'V12: a hundred logins among those who try passwords');
cmp_ok($worst, '<', 10, 'V12: none has waited long');
unlike($t->smtp(submission(), plain('alice', 'wrong')), qr/^235/, 'V12: and a wrong password is one');
kill 'KILL', @attackers;
waitpid $_, 0 for @attackers;
is(scalar($t->log_lines(qr/auth\S* .*(?:died|killed|signal)/)), 1, 'V12: authdaemond died once, when it was killed above') or diag join "\n", $t->log_lines(qr/died|signal/);
is($t->stop, '', 'stops');
done_testing;
