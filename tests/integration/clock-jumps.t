#!/usr/bin/perl
# slow
# T36: the clock of a living instance is set: an hour and ten years on and back, to 1970, beyond 2038.  Nothing comes
# back early, nothing waits for years, deliveries that are under way do not notice.  edge-clock.t has the server.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Courier::FakeSMTP;
use Courier::Faults;
use Courier::Test;
use Courier::Timeshift;
use File::Temp;
use IO::Socket::INET;
use IPC::Open2;
use Test::More;

Courier::Faults::become_ordinary();
my ($HOUR, $DAY, $DECADE) = (3600, 86400, 3652 * 86400);
my $clock = Courier::Timeshift->new;
my $word = File::Temp->new(TMPDIR => 1);
# at once: a host that reads half of it would answer nothing, and that delivery would wait for minutes
sub says { my ($what) = @_; open my $f, '>', "$word.new" or die; print $f $what; close $f; rename "$word.new", "$word" or die }
sub asked { open my $f, '<', "$word" or return ''; local $/; return <$f> // '' }
# The host elsewhere: the addresses of wait@ get what it is told to say.
says('451 4.2.0 not now');
my $far = Courier::FakeSMTP->new(on => {RCPT => sub {
	return $_[0] =~ /slow/ ? (sleep 3, '250 2.1.5 Ok')[1] : $_[0] =~ /wait/ ? asked() : '250 2.1.5 Ok';
}});
my $broken = Courier::FakeSMTP->new(broken_tls => 1, ehlo => ['STARTTLS']);
# It is not there.
my $gone = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1) or die;
my $nobody = $gone->sockport;
close $gone;

my $t = Courier::Test->new(users => ['alice'], config => {esmtpd => {TARPIT => 0}},
	files => {'smtpaccess/default' => "127\tallow,RELAYCLIENT\n", retryalpha => "3s\n", retrybeta => "1000\n",
		esmtpdelay => "5m\n", esmtptimeoutkeepalive => "1s\n", esmtproutes => 'far.test:[127.0.0.1],' . $far->port . "\nbroken.test:[127.0.0.1]," .
		    $broken->port . "\ndown.test:[127.0.0.1],$nobody\n"});
$t->command('makesmtpaccess');
$clock->start($t);

my $n = 0;
sub give {
	my ($to) = @_;
	$n++;
	my $r = $t->send_mail(from => 'alice@' . $t->domain, to => $to, text => "Subject: number $n.\n\nx\n");
	like $r, qr/^250/, "mail for $to is taken" or diag $t->log;
	return $n;
}
sub arrived { my ($k) = @_; return scalar grep { /^Subject: number $k\.\r?$/m } $far->messages, $broken->messages, map { $_->[1] } $t->mailbox('alice') }
sub tries { return scalar grep { /^RCPT TO:<wait/ } $far->commands }
sub comes { my ($k, $name) = @_; ok $t->wait_for(60, sub { arrived($k) }), $name or diag $t->log }
sub tried_again {
	my ($name) = @_;
	my $before = tries();
	give('alice@' . $t->domain); # the scheduler wakes up
	ok $t->wait_for(60, sub { tries() > $before }), "$name: what waits is tried" or diag $t->log;
	is scalar($t->log_lines(qr/addr=<wait\S*>,status: failure/)), 0, "$name: nothing comes back" or diag $t->log;
}

# ---- what waits
my @waits = give('wait@far.test');
ok $t->wait_for(60, sub { tries() }), 'it is tried';
my @jumps = (['an hour back', -$HOUR], ['a day on', $DAY], ['ten years on', $DECADE], ['the true time', 0],
	['1970', 1000 - time], ['the true time', 0], ['beyond 2038', 2**31 - time + 1000], ['the true time', 0]);
for my $j (@jumps) {
	my ($name, $by) = @$j;
	my $slow = give('slow@far.test');
	ok $t->wait_for(60, sub { grep { /slow/ } $far->commands }), 'a delivery is under way';
	$clock->set($by);
	comes($slow, "$name: it goes on");
	tried_again($name);
	comes(give('alice@' . $t->domain), "$name: mail for a mailbox");
	comes(give('x@far.test'), "$name: mail for another host");
	push @waits, give('wait@far.test');
}
# A process that starts finds times of other years.
for my $by (1000 - time, $DECADE, 0) {
	$clock->set($by);
	$t->stop;
	$clock->start($t);
	tried_again('a start with the clock ' . ($by ? $by > 0 ? 'on' : 'back' : 'right'));
}
says('250 2.1.5 Ok');
comes($_, "number $_ has not been lost") for @waits;
is scalar($t->log_lines(qr/taken for dead/)), 0, 'no module was taken for dead';

# ---- what is known of hosts
$clock->set($DECADE);
give('x@broken.test');
ok $t->wait_for(60, sub { grep { /^STARTTLS/ } $broken->commands }), 'TLS is tried, and broken';
ok $t->wait_for(60, sub { -s $t->path('var/sts/.no-tls') }), '... for some hours';
ok $t->wait_for(60, sub { grep { /^QUIT/ } $broken->commands }), '... and the connection ends';
$clock->set(0);
my $starttls = grep { /^STARTTLS/ } $broken->commands;
comes(give('x@broken.test'), 'mail goes');
is scalar(grep { /^STARTTLS/ } $broken->commands), $starttls + 1, '... and it is not ten years in clear';
give('x@down.test');
ok $t->wait_for(60, sub { $t->log_lines(qr/down\.test>,status: deferred/) }), 'a host that is down';

# ---- mailboxes: names of all years, and who reads them
my $box = $t->maildir('alice');
my $filter = $t->file('names.filter', "to \"$box\"\n");
chmod 0600, $filter;
for my $by (1000 - time, 2**31 - time + 1000, $DECADE, 0) {
	$clock->set($by);
	local $ENV{LD_PRELOAD} = $clock->{so};
	open my $p, '|-', Courier::Test::program('maildrop'), $filter or die;
	print $p "Subject: from another year\n\nx\n";
	ok close($p), 'a delivery into a mailbox';
}
my @names = map { m,/(\d+)\.M\d{6}P\d+[^/]*\z, ? $1 : die "what name is $_" } map { $_->[0] } $t->mailbox('alice');
is scalar(grep { $_ < 10000 } @names), 1, 'a name of 1970';
is scalar(grep { $_ >= 2**31 } @names), 1, '... and one beyond 2038';
# A session of IMAP at the time of each; a folder that is first seen in 1970 gets a UIDVALIDITY all the same.
my $imapd = Courier::Test::prefix() . '/libexec/courier/imapd';
for my $by (1000 - time, 2**31 - time + 1000, 0) {
	$clock->set($by);
	my ($to, $from);
	local $ENV{LD_PRELOAD} = $clock->{so};
	local $ENV{COURIER_HOME} = $t->path('');
	my $pid = open2($from, $to, $imapd, $box);
	<$from>;
	print $to "b SELECT INBOX\r\nc FETCH 1:* (UID INTERNALDATE)\r\nd LOGOUT\r\n";
	close $to;
	my $text = join '', <$from>;
	waitpid $pid, 0;
	is scalar(() = $text =~ /^\* \d+ FETCH/mg), scalar @names, 'IMAP shows them all' or diag $text;
	like $text, qr/UIDVALIDITY [1-9]/, '... with a UIDVALIDITY';
}
$clock->set(0);
is $t->stop, '', 'stops';
done_testing;
