#!/usr/bin/perl
# slow: limits and times of the mail transfer agent in a running instance, with small values.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Courier::FakeSMTP;
use Courier::Test;
use MIME::Base64;
use Time::HiRes qw(sleep time);

my $host = Courier::FakeSMTP->new(on => {RCPT => sub {
	my ($line) = @_;
	return $line =~ /<bad/ ? '550 5.1.1 nobody' : $line =~ /<slow/ ? '450 4.2.0 later' : '250 2.1.5 Ok';
}});
my $t = Courier::Test->new(users => ['alice', 'bob'],
	config => {
		esmtpd => {TARPIT => 0, ESMTPAUTH => 'PLAIN'}, submit => {BOFHSUPPRESSBACKSCATTER => 'none'},
		courierd => {DSNTOAUTHADDR => 1, ESMTP_BLOCKBACKSCATTER => ''},
	},
	files => {
		'smtpaccess/default' => "127.0.0.1\tallow,RELAYCLIENT\n",
		esmtproutes => ':[127.0.0.1],' . $host->port . "\n", resolver => "127.0.0.1\@9\n", esmtpdelay => "0\n",
		submitdelay => "3s\n", batchsize => "2\n", dsnlimit => "2K\n", sizelimit => "20000\n",
		localtimeout => "2s\n", warntime => "4s\n", retryalpha => "5s\n", queuelo => "50\n", queuehi => "70\n",
	});
$t->start;
sub give { my ($subject, $body, @to) = @_; return $t->send_mail(from => 'alice@example.test', to => \@to, text => "Subject: $subject\n\n$body") }
sub ids { my ($re) = @_; my %id; /started,id=([^,]+),.*$re/ and $id{$1} = 1 for split /\n/, $t->log; return sort keys %id }
sub queue { return $t->command('courier', '-C', $t->path(''), @_) }

like($t->log, qr/queuelo=50, queuehi=70$/m, 'MTA-0215 MTA-0216: the marks are as set');

# ---- submitdelay --------------------------------------------------------------------------

my $from = time;
like(give('delayed', "x\n", 'bob@example.test'), qr/^250/, 'mail is taken at once');
like(queue('show'), qr/\tpending\tbob\@example\.test$/m, 'MTA-0214 MTA-2324: and waits before the first attempt');
my ($id) = queue('show') =~ /^(\S+)\t/;
like(give('kept back', "x\n", 'bob@example.test'), qr/^250/, 'another');
my ($other) = grep {$_ ne $id} queue('show') =~ /^(\S+)\t/mg;
is($t->command('cancelmsg', $other, 'a duplicate'), "Message scheduled for cancellation.\n", 'MTA-0214: is cancelled before it goes');
ok($t->wait_mail('bob', qr/^Subject: delayed$/m), 'the first is delivered');
cmp_ok(time - $from, '>=', 2, 'MTA-0214: after the delay');
ok($t->wait_mail('alice', qr/a duplicate/), 'the second goes back');
is(scalar(grep {$_->[1] =~ /^Subject: kept back$/m} $t->mailbox('bob')), 0, 'MTA-0214: and was never delivered');
$t->file('etc/submitdelay', "0\n");

# ---- batchsize, sizelimit -----------------------------------------------------------------

queue('reload');
$t->wait_for(10, sub { scalar(my @l = $t->log_lines(qr/queuelo=50/)) >= 2 });
like(give('batch', "x\n", map {"r$_\@batch.test"} 1 .. 5), qr/^250/, 'a message for five');
ok($t->wait_for(15, sub { my @l = ids(qr/host=batch\.test/); @l == 3 }), 'MTA-0203: becomes three, of two recipients at most');
my %n;
$n{$_}++ for map {/started,id=([^,]+),.*host=batch\.test/ ? $1 : ()} split /\n/, $t->log;
is(join(' ', sort values %n), '1 2 2', 'MTA-0203: with all five');
like(give('large', 'x' x 70 . "\n" x 2 . 'line' x 6000 . "\n", 'bob@example.test'), qr/^5(?:52|23) /, 'MTA-0202: a message above sizelimit is refused');
$t->file('etc/sizelimit', "0\n");
queue('reload');
ok($t->wait_for(20, sub { give('large now', ("line\n" x 6000), 'bob@example.test') =~ /^250/ }), 'MTA-0202: 0 is no limit, without a restart');

# ---- dsnlimit, DSNTOAUTHADDR --------------------------------------------------------------

like(give('smallbounce', "short text\n", 'bad@far.test'), qr/^250/, 'one that comes back');
like($t->wait_mail('alice', qr/smallbounce/) // '', qr/short text/, 'MTA-0205: whole, when it is small');
like(give('largebounce', "long text\n" x 400, 'bad@far.test'), qr/^250/, 'one that comes back');
my $report = $t->wait_mail('alice', qr/largebounce/) // '';
like($report, qr/^Subject: largebounce/m, 'MTA-0205: with its header');
unlike($report, qr/long text/, 'MTA-0205: alone, when it is larger than dsnlimit');

my $s = $t->connect('smtp');
$t->smtp_reply($s);
$t->smtp($s, 'EHLO client.test');
like($t->smtp($s, 'AUTH PLAIN ' . encode_base64("\0bob\@example.test\0$Courier::Test::PASSWORD", '')), qr/^235/, 'a login');
$t->smtp($s, $_) for 'MAIL FROM:<elsewhere@away.test>', 'RCPT TO:<bad@far.test>', 'DATA';
like($t->smtp($s, "Subject: authbounce\r\n\r\nx\r\n."), qr/^250/, 'sends with another return address');
ok($t->wait_mail('bob', qr/authbounce/), 'MTA-0506: the report goes to the login');

# ---- warntime -----------------------------------------------------------------------------

like(give('waits', "x\n", 'slow@far.test'), qr/^250/, 'mail that waits');
ok($t->wait_mail('alice', qr/waits.*|Action: delayed/s, 30), 'MTA-0208: its sender is told of the delay');
ok(scalar(grep {$_->[1] =~ /^Action: delayed$/mi} $t->mailbox('alice')), 'MTA-0208: in so many words') or diag map {$_->[1]} $t->mailbox('alice');

# ---- what deliveries run ------------------------------------------------------------------

sub home { my $m = $t->maildir($_[0]); $m =~ s,/Maildir$,,; return $m }
sub instructions {
	my ($user, $name, $text) = @_;
	my $file = home($user) . "/$name";
	open my $f, '>', $file or die "$file: $!";
	print $f $text;
	close $f;
	my @st = stat home($user);
	chown $st[4], $st[5], $file if $> == 0;
	chmod 0600, $file;
}
$t->configure(courierd => {SHELL => '/bin/sh', PATH => '/usr/bin:/bin', LANG => 'C.UTF-8', MAILDROPDEFAULT => './Maildir', MINE => 'yes', DYNAMICDELIVERIES => 0, DSNNOTIFY => 'N'});
$t->restart;
instructions('bob', '.courier-env', "| env > env.out\n");
instructions('bob', '.courier-hangs', "| sleep 60\n");
instructions('bob', '.courier-dyn', "|| echo ./Maildir\n");
instructions('bob', '.courier-fwd', "&bad\@far.test\n");
like(give('env', "x\n", 'bob-env@example.test'), qr/^250/, 'mail for a program');
my $env = $t->wait_for(20, sub { -s home('bob') . '/env.out' && do { local (@ARGV, $/) = home('bob') . '/env.out'; <> } }) // '';
like($env, qr{^PATH=/usr/bin:/bin$}m, 'MTA-0503: which has the PATH');
like($env, qr{^SHELL=/bin/sh$}m, 'MTA-0504: the SHELL');
like($env, qr{^LANG=C\.UTF-8$}m, 'MTA-0502 MTA-0531: the LANG');
like($env, qr{^MAILDROPDEFAULT=\S*/Maildir$}m, 'MTA-0511: what maildrop looks at');
like($env, qr{^MINE=yes$}m, 'MTA-0503: and everything else of the file');

$from = time;
like(give('hangs', "x\n", 'bob-hangs@example.test'), qr/^250/, 'mail for a program that hangs');
ok($t->wait_for(30, sub { scalar($t->log_lines(qr/addr=<bob-hangs\@example\.test>,status: deferred/)) }), 'MTA-0220: is deferred');
cmp_ok(time - $from, '<', 25, 'MTA-0220: when localtimeout is over');
like(give('dynamic', "x\n", 'bob-dyn@example.test'), qr/^250/, 'mail for a dynamic instruction');
ok($t->wait_for(20, sub { scalar($t->log_lines(qr/addr=<bob-dyn\@example\.test>,status: deferred/)) }), 'MTA-0508: waits where they are switched off');
my $reports = scalar(grep {$_->[1] =~ /forwarded/} $t->mailbox('alice'));
like(give('forwarded', "x\n", 'bob-fwd@example.test'), qr/^250/, 'mail that a file forwards to nobody');
ok($t->wait_for(20, sub { scalar($t->log_lines(qr/addr=<bad\@far\.test>,status: failure/)) >= 4 }), 'fails there');
sleep 1;
is(scalar(grep {$_->[1] =~ /^Subject: forwarded$/m} $t->mailbox('alice')), 0, 'MTA-0505: and nobody is told');

# An account whose record names no Maildir gets the default instructions, of two lines here.
my $db = $t->path('etc/userdb');
my $text = do { local (@ARGV, $/) = $db; <> };
$text =~ s/^(alice\@.*?)mail=[^|]*\|?/$1/m or BAIL_OUT("no Maildir of alice in: $text");
my @st = stat $db;
$t->file('etc/userdb', $text);
chmod 0600, $db;
chown @st[4, 5], $db if $> == 0;
$t->command('makeuserdb');
$t->configure(courierd => {DEFAULTDELIVERY => "| cat > default.out\n./Maildir"});
$t->restart;
like(give('by default', "x\n", 'alice@example.test'), qr/^250/, 'mail for an account without a Maildir of record');
ok($t->wait_mail('alice', qr/^Subject: by default$/m), 'MTA-0510: the second line stores it');
ok($t->wait_for(5, sub { -s home('alice') . '/default.out' }), 'MTA-0510: the first has run a program');

# ---- restarts of the scheduler ------------------------------------------------------------

queue('flush');
for my $x (map {/^(\S+)\t/ ? $1 : ()} split /\n/, queue('show')) { $t->command('cancelmsg', $x) }
$t->wait_empty_queue;
$t->file('etc/respawnlo', "3s\n");
$t->restart;
my $restarts = scalar(my @l0 = $t->log_lines(qr/started with \d+ messages/));
ok($t->wait_for(30, sub { scalar(my @l = $t->log_lines(qr/started with \d+ messages/)) > $restarts }), 'MTA-0218: an idle scheduler starts anew after respawnlo');
$t->file('etc/respawnlo', "1h\n");
$t->file('etc/respawnhi', "4s\n");
$t->restart;
my $planned = scalar(my @l1 = $t->log_lines(qr/SHUTDOWN: Restarting/));
# while one scheduler makes room for the next the answer is "later"
ok($t->wait_for(20, sub { give('still', "x\n", 'slow@far.test') =~ /^250/ }), 'with something to do');
ok($t->wait_for(30, sub { scalar(my @l = $t->log_lines(qr/SHUTDOWN: Restarting/)) > $planned }), 'MTA-0219: one at the age of respawnhi does, too');
unlink $t->path('etc/respawnhi');
$t->restart;
ok($t->wait_for(20, sub { queue('show') =~ /slow\@far\.test/ }), 'and keeps what waits');
done_testing;
