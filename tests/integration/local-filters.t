#!/usr/bin/perl
# slow
# Filters of accounts run in their delivery workers: one for each account, kept for its next
# messages, and no account waits for another one's filter.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(time sleep);
use Courier::Test;

my @users = qw(alice bob carol);
my $t = Courier::Test->new(users => \@users, files => {retryalpha => "1s\n", retrybeta => "1000\n"},
	config => {submit => {BOFHSUPPRESSBACKSCATTER => 'none'}, courierd => {DEFAULTDELIVERY => '| maildrop', LOCALIDLE => 3}});
my $domain = $t->domain;

sub home { my $m = $t->maildir($_[0]); $m =~ s,/Maildir$,,; return $m }
sub put {
	my ($user, $name, $text) = @_;
	my $file = $t->file(substr(home($user), length $t->path('')) . "/$name", $text);
	chown +(stat home($user))[4, 5], $file if $> == 0;
	chmod 0600, $file;
	return;
}
sub slurp { my ($file) = @_; open my $f, '<', $file or return ''; local $/; return scalar <$f> // '' }

my $n = 0;
sub give {
	my ($to, $count) = @_;
	my $s = $t->connect('smtp');
	$t->smtp_reply($s);
	$t->smtp($s, 'EHLO client.test');
	my @subjects;
	for (1 .. $count // 1) {
		push @subjects, 'n' . ++$n . 'n';
		for my $cmd ("MAIL FROM:<bob\@$domain>", "RCPT TO:<$to\@$domain>", 'DATA') {
			my $r = $t->smtp($s, $cmd);
			$r =~ /^[23]/ or die $r;
		}
		print $s "Subject: $subjects[-1]\r\n\r\ntext\r\n.\r\n";
		$t->smtp_reply($s) =~ /^250/ or die;
	}
	return @subjects;
}
sub there {
	my ($user, @subjects) = @_;
	my %have;
	for my $m ($t->mailbox($user)) { $have{$1}++ if $m->[1] =~ /^Subject: (\S+)/m }
	return @subjects == grep { ($have{$_} // 0) == 1 } @subjects;
}
sub arrive { my ($user, @subjects) = @_; return $t->wait_for(30, sub { there($user, @subjects) }) }
sub parents { my %n; $n{$_}++ for split /\n/, slurp(home($_[0]) . '/parents'); return keys %n }

$t->start;
my $note = "system \"echo \\\$PPID >>parents\"\nto ./Maildir\n";
put($_, '.mailfilter', $note) for 'alice', 'carol';
for (1 .. 3) {
	ok(arrive($_, give($_)), "mail for $_ passes its filter") or diag $t->log for 'alice', 'carol';
}
my @alice = parents('alice');
is(scalar(@alice), 1, 'one worker follows them all');
is(scalar(parents('carol')), 1, 'another account');
isnt((parents('carol'))[0], $alice[0], 'has another one, though its uid is the same');
like(slurp("/proc/$alice[0]/cmdline"), qr/^courierlocal-worker/, 'a worker, no maildrop');
ok(arrive('alice', give('alice', 50)), 'fifty at once');
cmp_ok(scalar(parents('alice')), '<', 10, 'by the same worker, or some more where it is slow');
ok($t->wait_for(30, sub { !-e "/proc/$alice[0]" }), 'LOCALIDLE: it ends when there is nothing more');

# ---- a filter that hangs is its owner's trouble
$t->file('etc/maildropsettings', "MAILDROPTIME=4\n");
put('alice', '.mailfilter', "system \"sleep 100\"\nto ./Maildir\n");
my @stuck = give('alice');
sleep 0.5;
my $begin = time;
ok(arrive('carol', give('carol', 10)), 'others are delivered meanwhile');
cmp_ok(time - $begin, '<', 4, 'at once') unless ($ENV{COURIER_TEST_CONFIGURE} || '') =~ /sanitize/;
put('alice', '.courier-plain', "./Maildir\n");
ok(arrive('alice', give('alice-plain')), 'and its own plain address');
ok($t->wait_for(30, sub { $t->log_lines(qr/addr=<alice\@.*took too long/) }), 'the time is over') or diag $t->log;
put('alice', '.mailfilter', $note);
ok(arrive('alice', @stuck), 'and the mail comes when the filter is mended');

# ---- programs that take a moment do so side by side
put('alice', '.mailfilter', "system \"sleep 2\"\nto ./Maildir\n");
$begin = time;
ok(arrive('alice', give('alice', 4)), 'four that take two seconds each');
cmp_ok(time - $begin, '<', 7, 'go together') unless ($ENV{COURIER_TEST_CONFIGURE} || '') =~ /sanitize/;

# ---- fewer workers than accounts
$t->configure(courierd => {LOCALPROGRAMS => 1});
$t->command('courier', '-C', $t->path(''), 'reload');
put($_, '.mailfilter', "to ./Maildir\n") for 'alice', 'carol', 'bob';
my %given = map { $_ => [] } @users;
for (1 .. 3) { push @{$given{$_}}, give($_, 2) for @users }
ok(arrive($_, @{$given{$_}}), "LOCALPROGRAMS=1: $_ has its turn") or diag $t->log for @users;

# ---- a worker is killed
put('alice', '.mailfilter', "system \"kill -9 \\\$PPID\"\nto ./Maildir\n");
@stuck = give('alice');
ok($t->wait_for(20, sub { $t->log_lines(qr/delivery worker has ended/) }), 'a worker dies');
ok(arrive('carol', give('carol')), 'others go on');
put('alice', '.mailfilter', "to ./Maildir\n");
ok(arrive('alice', @stuck), 'and nothing is lost');
ok($t->wait_empty_queue(30), 'the queue is empty');
is($t->stop, '', 'stops');
done_testing;
