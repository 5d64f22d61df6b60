#!/usr/bin/perl
# slow
# Global filters: what they are shown, what their answers do, and what faults of theirs do.
# MTA-0851 MTA-1903 MTA-1904 MTA-1907 MTA-1908 MTA-1909 MTA-1910 MTA-1911 MTA-1912 MTA-1913
use strict;
use warnings;
use Test::More;
use FindBin;
use Time::HiRes qw(sleep time);
use lib "$FindBin::Bin/../lib";
use Courier::Filter;
use Courier::Test;

my $t = Courier::Test->new(users => [qw(alice bob u1 u2 u3 u4)], config => {submit => {FILTERTIME => 2, MAXRCPTS => 300}, esmtpd => {TARPIT => 0}}, files => {batchsize => "3\n"});
my @dir = ('-C', $t->path(''));
my $one = Courier::Filter->new($t, 'one');
$t->start;
my ($alice, $bob) = map {"$_\@" . $t->domain} qw(alice bob);
my $n = 0;

sub mail {
	my (%m) = @_;
	$n++;
	return $t->send_mail(from => 'x@client.test', to => $m{to} || $alice, text => $m{text} || "Subject: number $n\n\nbody $n\n");
}
sub mails { scalar $t->mailbox($_[0] || 'alice') }
sub delivered { my $s = $n; return $t->wait_mail('alice', qr/^Subject: number $s$/m, 10) }
sub left { my @f = map {glob "$_/*"} glob $t->path('var/tmp/[0-9]*'); return scalar @f }

# ---- the request
like(mail(), qr/^250 /, 'a filter that accepts (MTA-1908)');
ok(delivered(), 'the message is delivered');
my ($r) = $one->requests;
is(scalar @{$r->{paths}}, 2, 'one data file, one control file (MTA-1907)');
my $var = $t->path('var');
like($r->{paths}[0], qr,^\Q$var\E/tmp/(\d+)/D\d+\z,, 'absolute path of the data file');
like($r->{paths}[1], qr,^\Q$var\E/tmp/(\d+)/\d+\.\d+\.\S+\z,, 'and of the control file, under its temporary name (MTA-1912)');
like($r->{data}, qr/\AReceived: .*\nSubject: number 1\n.*\n\nbody 1\n\z/s, 'the whole message, the Received line first');
unlike($r->{data}, qr/\r/, 'with LF line ends');
my $c = $r->{control}[0];
like($c, qr/\Asx\@client\.test\nfdns; client\.test \(localhost \[127\.0\.0\.1\]\)\ne\nt\nM[0-9A-F.]{42}\nr\Q$alice\E\nR\nN\n/, 'the control file begins as documented');
like($c, qr/^uauthsmtp$/m, 'names the source: this client may relay');
unlike($c, qr/^[AhCD]/m, 'and ends before the A record (MTA-1912)');
ok($t->wait_for(5, sub { !left() }), 'the files are gone afterwards');
$one->forget;

my @many = map {"$_\@" . $t->domain} qw(alice u1 u2 u3 u4);
like(mail(to => \@many), qr/^250 /, 'more recipients than batchsize');
($r) = $one->requests;
cmp_ok(scalar @{$r->{control}}, '>', 1, 'come with a further control file (MTA-1907)');
is(scalar(map {/^(r.*)$/mg} @{$r->{control}}), scalar keys %{{map {$_ => 1} map {/^(r.*)$/mg} @{$r->{control}}}}, 'that has the others');
my @ids = map {/^M(.*)$/m} @{$r->{control}};
ok($t->wait_for(5, sub { 2 == grep { my $id = $_; $t->log_lines(qr/newmsg,id=\Q$id\E/) } @ids }), 'with the ids that they get in the queue');
$one->forget;
my $big = "Subject: number 3\n\n" . ('x' x 70 . "\n") x 20_000;
like(mail(text => $big), qr/^250 /, 'a large message');
($r) = $one->requests;
like($r->{data}, qr/\n\n(x{70}\n){20000}\z/, 'is shown whole');
$one->forget;

# ---- answers
my $before = mails();
my $log = sub { $t->log_lines($_[0]) };
$one->answer("550 no such luck\n");
is(mail(), "550 5.7.1 no such luck\r\n", 'a refusal: its text goes to the client (MTA-1908)');
$one->answer("450-4.2.0 not\n450-4.2.0 now\n450 4.2.0 please\n");
is(mail(), "450-4.2.0 not\r\n450-4.2.0 now\r\n450 4.2.0 please\r\n", 'several lines, its own enhanced code');
$one->answer("554 no\x07bell");
is(mail(), "554 5.7.1 no?bell\r\n", 'what is not printable does not pass');
$one->answer("200 Ok\r\n");
like(mail(), qr/^250 /, 'any 2xx accepts, CRLF is fine');
delivered();
$before = mails();

# ---- faults: 432, and nothing passes
my %fault = (
	'no answer' => 'close', 'a reply without its end' => 'part:250-almost', 'half a code' => 'part:25',
	'a positive code without a line end' => 'part:250',
	'a reply that is too long' => 'babble:5000', 'too many lines' => 'babble:150', 'no code' => "yes, please\n",
	'two classes' => "250-ok\n550 no\n", 'a code of 3xx' => "354 go on\n", 'more behind the reply' => "250 ok\n550 no\n",
	'an empty line' => "\n",
);
for my $what (sort keys %fault) {
	$one->answer($fault{$what});
	like(mail(), qr/^432 4\.3\.0 /, "$what: refused for now (MTA-0851)");
}
$one->answer('hang');
my $begin = time;
like(mail(), qr/^432 /, 'a filter that hangs');
cmp_ok(time - $begin, '<', 10, 'is left after FILTERTIME');
$one->answer("250 Ok\n");
like(mail(), qr/^250 /, 'and asked again for the next message') or diag $t->log;
delivered();
$before++;

# the gate is not held up by a slow filter
$one->answer('slow:1.5');
$begin = time;
my @pids;
for my $i (1 .. 8) {
	my $pid = fork;
	if (!$pid) { my $ok = mail() =~ /^250 /; require POSIX; POSIX::_exit($ok ? 0 : 1) }
	push @pids, $pid;
}
my $bad = grep {waitpid $_, 0; $?} @pids;
is($bad, 0, 'eight messages at a time through a slow filter');
cmp_ok(time - $begin, '<', 8, 'side by side');
$one->answer("250 Ok\n");
ok($t->wait_for(10, sub { mails() == $before + 8 }), 'all delivered');
$before += 8;

# dying: with the message in its hands, and without
$one->answer('die');
my $pid = $one->facts->{pid};
like(mail(), qr/^432 /, 'a filter that dies over a message');
$one->answer("250 Ok\n");
ok($t->wait_for(10, sub { $one->facts->{pid} != $pid && -S $one->socket && mail() =~ /^250 / }), 'comes back, and mail with it');
delivered();
$before = mails();

# ---- missing ones
my $stale = $t->path('var/allfilters/ghost');
my $s = IO::Socket::UNIX->new(Local => $stale, Listen => 1) || do { chdir $t->path('var/allfilters'); IO::Socket::UNIX->new(Local => 'ghost', Listen => 1) };
close $s;
chmod 0777, $stale;
like(mail(), qr/^432 /, 'a socket that nobody listens at (MTA-1909)');
unlink $stale;
like(mail(), qr/^250 /, 'gone: mail passes');
delivered();
my $lazy = Courier::Filter->new($t, 'lazy', unlinked => 1);
$lazy->at_start('fail')->link;
$t->command('courierfilter', @dir, 'restart');
like(mail(), qr/^432 /, 'an installed filter that does not start: nothing passes unfiltered (MTA-1909)');
$lazy->unlink;
$t->command('courierfilter', @dir, 'restart');
like(mail(), qr/^250 /, 'removed: mail passes');
delivered();
$t->command('courierfilter', @dir, 'stop');
like(mail(), qr/^432 /, 'filters are stopped: no mail');
is($t->command('courierfilter', @dir, 'start'), '', 'started');
like(mail(), qr/^250 /, 'mail');
delivered();

chmod 0, $t->path('var/tmp');
like(mail(), qr/^432 /, 'the files for filters cannot be made: no mail');
chmod 0750, $t->path('var/tmp');
like(mail(), qr/^250 /, 'they can');
delivered();

# ---- several
$one->forget;
my $two = Courier::Filter->new($t, 'two');
my $opt = Courier::Filter->new($t, 'another', folder => 'filters');
$t->command('courierfilter', @dir, 'restart');
$t->wait_for(10, sub { -S $two->socket && -S $opt->socket });
$opt->answer("550 not asked\n");
like(mail(), qr/^250 /, 'filters/ is passed over when no recipient has a filter of its own (MTA-1904)');
is(scalar $one->requests, 1, 'the first was asked (MTA-1910)');
is(scalar $two->requests, 1, 'and the second');
is(scalar $opt->requests, 0, 'but not that in filters/');
delivered();
$one->answer("551 first\n");
$two->answer("552 second\n");
$two->forget;
like(mail(), qr/^551 5.7.1 first/, 'the first refusal decides (MTA-1910)');
is(scalar $two->requests, 0, 'the others are not asked');
$two->unlink;
$opt->unlink;
$one->answer("250 Ok\n");
$t->command('courierfilter', @dir, 'restart');
$t->wait_for(10, sub { !-e $two->socket && !-e $opt->socket });

# ---- records that filters append (MTA-1913)
my @bob = $t->mailbox('bob');
$one->append("S0 1\n");
like(mail(to => [$alice, $bob]), qr/^250 /, 'S for one of two recipients');
ok($t->wait_mail('bob', qr/^Subject: number $n$/m), 'the other gets it');
ok($t->wait_empty_queue, 'the queue is empty');
ok(!grep({$_->[1] =~ /number $n$/m} $t->mailbox('alice')), 'that one does not (MTA-1913)');
like(mail(), qr/^250 /, 'S for the only recipient');
ok($t->wait_empty_queue, 'is the end of the message');
ok(!grep({$_->[1] =~ /number $n$/m} $t->mailbox('alice')), 'nobody gets it');
$one->append("I0 R 550 by the filter\nF0 1\n");
like($t->send_mail(from => $bob, to => $alice, text => "Subject: failed\n\nx\n"), qr/^250 /, 'F for a recipient');
ok($t->wait_mail('bob', qr/550 by the filter/), 'makes a report to the sender (MTA-1913)');
$one->append("Xnot wanted here\n");
like($t->send_mail(from => $bob, to => $alice, text => "Subject: cancelled\n\nx\n"), qr/^250 /, 'X');
ok($t->wait_empty_queue, 'cancels');
ok(!grep({$_->[1] =~ /Subject: (?:failed|cancelled)$/m && $_->[1] !~ /report|delivery/i} $t->mailbox('alice')), 'neither is delivered');
$one->append("r$bob\nR\nN\n");
like(mail(), qr/^250 /, 'a further recipient');
ok($t->wait_mail('bob', qr/^Subject: number $n$/m), 'gets it');
delivered();
for my $spoiled ("S7 1\n", "S0 1", "F\n", "rx\nNQ\n") {
	(my $shown = $spoiled) =~ s/\n/ /g;
	$one->append($spoiled);
	like(mail(), qr/^432 /, "an impossible record '$shown': refused for now");
}
$one->append("? nonsense\nA1\n");
like(mail(), qr/^250 /, 'unknown records are passed over');
ok(delivered(), 'and the message is delivered');
$one->append('');

# ---- sources
$one->answer("550 filtered\n");
my $local = sub {
	my $dir = $t->path('');
	my $pid = open my $out, '-|';
	if (!$pid) {
		$ENV{COURIER_HOME} = $t->path('');
		open STDERR, '>&', \*STDOUT;
		open my $in, '|-', Courier::Test::program('sendmail'), '-f', $bob, $alice or exit 9;
		print $in "Subject: local $_[0]\n\nx\n";
		close $in;
		exit($? >> 8);
	}
	my $said = join '', <$out>;
	close $out;
	return ($? >> 8, $said);
};
my ($code) = $local->('unfiltered');
is($code, 0, 'mail of local programs is not filtered when enablefiltering has only esmtp (MTA-1903)');
ok($t->wait_mail('alice', qr/^Subject: local unfiltered/m), 'and delivered');
$t->file('etc/enablefiltering', "esmtp local\n");
$t->command('courier', @dir, 'reload');
my $said;
ok($t->wait_for(10, sub { ($code, $said) = $local->('filtered'); $code }), 'it is with the word local (MTA-1903)');
like($said, qr/filtered/, 'and the sender hears why');
$t->file('etc/enablefiltering', "local\n");
$t->command('courier', @dir, 'reload');
ok($t->wait_for(10, sub { mail() =~ /^250 / }), 'without esmtp mail from the network is not filtered');
unlink $t->path('etc/enablefiltering');
$t->command('courier', @dir, 'reload');
ok($t->wait_for(10, sub { ($code) = $local->('again'); $code == 0 }), 'without the file nothing is');
$t->file('etc/enablefiltering', "esmtp\n");
$t->command('courier', @dir, 'reload');
ok($t->wait_for(10, sub { mail() =~ /^550 / }), 'back again');

# authenticated clients are filtered like others, and so is the submission port (MTA-1911)
SKIP: {
	eval { require IO::Socket::SSL; require MIME::Base64; 1 } or skip 'no IO::Socket::SSL', 1;
	my $c = IO::Socket::SSL->new(PeerAddr => '127.0.0.1', PeerPort => $t->port('smtps'), SSL_verify_mode => 0) or die "smtps: $@";
	$t->smtp_reply($c);
	$t->smtp($c, 'EHLO client.test');
	my $r = $t->smtp($c, 'AUTH PLAIN ' . MIME::Base64::encode_base64("\0$alice\0$Courier::Test::PASSWORD", ''));
	$t->smtp($c, $_) for "MAIL FROM:<$alice>", "RCPT TO:<$bob>", 'DATA';
	print $c "Subject: auth\r\n\r\nx\r\n";
	is($t->smtp($c, '.'), "550 5.7.1 filtered\r\n", 'an authenticated client is filtered by its source (MTA-1911)') or diag $r;
	my ($last) = reverse $one->requests;
	like($last->{control}[0], qr/^i\Q$alice\E$/m, 'the control file names the account');
	like($last->{control}[0], qr/^uauthsmtp$/m, 'and the source');
}
ok($t->wait_for(5, sub { !left() }), 'no files are left') or diag `find @{[$t->path('var/tmp')]}`;

# what a crash has left
my $old = int(time / 10000) - 20;
$t->file("var/tmp/$old/D1", 'x');
chown((getpwnam 'courier-gate')[2, 3], $t->path("var/tmp/$old")) if !$>;
$t->restart;
ok(!-e $t->path("var/tmp/$old"), 'files of a crash are removed after a day');
is($t->stop, '', 'stop');
done_testing;
