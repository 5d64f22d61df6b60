#!/usr/bin/perl
# An administrator's day with one instance: init and its faults, start, status, check, reload with a
# broken file, the queue, parts, the supervisor's violent death, stop.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Courier::Test;
use IO::Socket::SSL ();
use JSON::PP ();
use Time::HiRes qw(time);

my $t = Courier::Test->new(users => ['alice'],
	files => {esmtproutes => "far.test:[127.0.0.1],1\n", esmtpdelay => "0\n"});
my $home = $t->path('');
$home =~ s,/$,,;
my $other = $t->scratch . '/other';

sub courier { return $t->command('courier', '-C', $home, @_) }

# A shell line with the installed command: (exit status, output).
sub sh {
	my ($line) = @_;
	local $ENV{COURIER} = Courier::Test::program('courier');
	local $ENV{DIR} = $other;
	my $out = `( $line ) 2>&1`;
	return ($? >> 8, $out);
}

# ---- init ---------------------------------------------------------------------------------

my @faults = (
	['init' => 64, qr/folder/],
	['init "$DIR" --domain "not a domain"' => 1, qr/not a domain/],
	['init "$DIR" --user nopassword' => 64, qr/nopassword/],
	['init "$DIR" --user "../etc:x"' => 64, qr/NAME:PASSWORD/],
	['init "$DIR" --user carol:- </dev/null' => 64, qr/no password for.*carol/],
	['init "$DIR" --port-base 80' => 64, qr/1024/],
	['init "$DIR" --port-base many' => 64, qr/many/],
	['init "$DIR" --users-file "$DIR.none"' => 64, qr/\Q$other\E\.none/],
	['init "$DIR" --colour' => 64, qr/colour/],
	['nonsense' => 64, qr/usage/],
	["-C $other status" => 1, qr/\Q$other\E/],
);
for (@faults) {
	my ($args, $status, $text) = @$_;
	my ($rc, $out) = sh("\"\$COURIER\" $args");
	is($rc, $status, "courier $args: exit status") or diag $out;
	like($out, $text, '... says why');
}
ok(!-e "$other/etc", 'and nothing was made');

open my $fh, '>', "$other.users" or die $!;
print $fh "# two of them\nCarol:first:with:colons\n\ndave:second word\n";
close $fh;
my $root = $> == 0 ? '--mail-user courier-mail' : '';
my ($rc, $out) = sh("echo 'from stdin' | \"\$COURIER\" init \"\$DIR\" --domain Other.Test --users-file \"\$DIR.users\" --user erin:- $root");
is($rc, 0, 'init with a file of users and a password on standard input') or diag $out;
like($out, qr/domain other\.test, host mail\.other\.test, 3 accounts/, 'tells what it made');
for (['carol', 'first:with:colons'], ['dave', 'second word'], ['erin', 'from stdin']) {
	my ($user, $password) = @$_;
	ok(-d "$other/mail/other.test/$user/Maildir/cur", "$user has a Maildir");
	open my $u, '<', "$other/etc/userdb" or die $!;
	my ($line) = grep {/^\Q$user\E\@other\.test\t/} <$u>;
	my ($hash) = ($line // '') =~ /systempw=([^|\n]*)/;
	is(crypt($password, $hash // ''), $hash // 'none', '... and that password');
}
is((stat "$other/etc/userdb")[2] & 077, 0, 'the accounts are secret');
($rc, $out) = sh('"$COURIER" init "$DIR"');
is($rc, 1, 'init over an instance is refused');
like($out, qr/already/, '... and says so');

# ---- start and status ---------------------------------------------------------------------

is(courier('check'), "the configuration in $home/etc is sound\n", 'check');
courier('status');
is($? >> 8, 3, 'status of a stopped instance');
is_deeply(JSON::PP::decode_json(courier('status', '--json')), {running => JSON::PP::false}, '... in JSON');
$t->start;
for my $s (['smtp', qr/^220 /], ['submission', qr/^220 /], ['imap', qr/^\* OK /], ['pop3', qr/^\+OK /]) {
	my $line = readline $t->connect($s->[0]);
	like($line, $s->[1], "when start returns, $s->[0] answers");
}
$out = courier('start');
isnt($?, 0, 'a second start is refused');
like($out, qr/already running/, '... and says so');

sub status { return JSON::PP::decode_json(courier('status', '--json')) }
my $status = status();
ok($status->{running}, 'status --json');
my %proc = map {($_->{role} => $_)} @{$status->{processes}};
is(join(' ', grep {!$proc{$_}} qw(supervisor key auth broker gate sched local esmtp dsn esmtpd imaplogin pop3login)), '', 'all roles are there');
is(join(' ', map {$_->{role}} grep {$_->{state} ne 'ready'} values %proc), '', 'all of them ready');
is($status->{queue}{messages}, 0, 'nothing is queued');
like(courier('status'), qr/^imaplogin +0 +\d+ ready.*^queue:\n/ms, 'status for people');
SKIP: {
	skip 'only root\'s instances have roles with different rights', 2 if $>;
	$out = courier('security');
	is($?, 0, 'the processes have the rights that are promised') or diag $out;
	like($out, qr/^as promised$/m, '... says courier security');
}

# ---- the queue ----------------------------------------------------------------------------

like($t->send_mail(from => 'x@y.example', to => 'alice@example.test', text => "Subject: in\n\nx\n"), qr/^250/, 'mail');
ok($t->wait_mail('alice', qr/^Subject: in$/m), 'is delivered');
$ENV{COURIER_HOME} = $home;
open my $mail, '|-', Courier::Test::program('sendmail'), '-f', 'alice@example.test', 'x@far.test' or die $!;
print $mail "Subject: stays\n\ntext\n";
close $mail;
is($?, 0, 'mail for a dead host');
ok($t->wait_for(10, sub { courier('show') =~ /x\@far\.test/ && courier('show') =~ /deferred/ }), 'show lists it');
is(status()->{queue}{messages}, 1, 'status counts it');
my ($id) = courier('show') =~ /^([0-9A-F.]{42})\b/m;
like(courier('show', $id), qr/x\@far\.test.*refused/s, 'show ID tells why it waits');
my $rows = JSON::PP::decode_json(courier('show', '--json'));
is($rows->[0][0], $id, 'show --json');
my $tries = () = $t->log_lines(qr/started,.*x\@far\.test/);
is(courier('flush', $id), "ok\n", 'flush ID');
ok($t->wait_for(10, sub { (() = $t->log_lines(qr/started,.*x\@far\.test/)) > $tries }), 'tries again');
courier('show', '0000000000000001.0000000000000001.00000001');
isnt($?, 0, 'show of nothing fails');

# ---- settings -----------------------------------------------------------------------------

like(courier('config', 'supervisor'), qr/^STOP_TIME: \d+.*\n\t\w/m, 'config');
courier('config', 'nothing');
isnt($?, 0, 'config of a component that is not there');

# A broken line in each file: check names it, reload keeps the old settings.
sub text_of { my $f = shift; open my $h, '<', "$home/$f" or return ''; local $/; return scalar(<$h>) // '' }
for (['courierd', 'GATE_WORKERS=lots'], ['esmtpd', 'MAXDAEMONS=-5'], ['esmtpd-msa', 'AUTH_REQUIRED=maybe'],
	['imapd', 'MAXPERIP=none'], ['imapd-ssl', 'IMAP_TLS_REQUIRED=perhaps'], ['pop3d', 'LOGIN_TIMEOUT=soon'],
	['pop3d-ssl', 'POP3_TLS_REQUIRED=perhaps'], ['authdaemonrc', 'daemons=0'], ['imapd', '`rm -rf /`'],
	['pop3d', 'POP3_LOG_DELETIONS=often'], ['queuetime', 'some days']) {
	my ($file, $line) = @$_;
	my $old = text_of("etc/$file");
	my $n = 1 + ($old =~ tr/\n//);
	$n = 1, $old = undef if !-e "$home/etc/$file";
	$t->file("etc/$file", ($old // '') . "$line\n");
	$out = courier('check');
	isnt($?, 0, "check finds $line in $file");
	like($out, qr{^\Q$home\E/etc/$file:$n: }m, '... and names file and line');
	$out = courier('reload');
	isnt($?, 0, '... reload refuses');
	defined $old ? $t->file("etc/$file", $old) : unlink "$home/etc/$file";
}
my %before = map {("$_->{role} $_->{number}" => $_->{pid})} @{status()->{processes}};
is_deeply(\%before, {map {("$_->{role} $_->{number}" => $_->{pid})} @{$status->{processes}}}, 'all processes are the same still');

$t->configure(imapd => {MAXPERIP => 3});
my $session = IO::Socket::SSL->new(PeerAddr => '127.0.0.1', PeerPort => $t->port('imaps'), SSL_verify_mode => 0, Timeout => 10);
readline $session;
print $session "a LOGIN alice $Courier::Test::PASSWORD\r\n";
like(readline $session, qr/^a OK/, 'a session under TLS begins');
my $smtp = $t->connect('smtp');
$t->smtp_reply($smtp);
like($t->smtp($smtp, $_), qr/^[23]/, "a transaction under way: $_") for 'EHLO client.test', 'MAIL FROM:<x@y.example>', 'RCPT TO:<alice@example.test>', 'DATA';
print $smtp "Subject: half\r\n";
my $now = time;
is(courier('reload'), "the configuration in $home/etc is sound\n", 'reload with a good file');
ok($t->wait_for(10, sub { grep {$_->{role} eq 'imaplogin' && $_->{pid} != $before{'imaplogin 0'} && $_->{state} eq 'ready'} @{status()->{processes}} }), 'the front of IMAP is a new one');
my $new = $t->connect('imap');
like(readline $new, qr/^\* OK/, 'reload keeps nobody waiting');
close $new;
cmp_ok(time - $now, '<', 8, '... in no time');
like($t->smtp($smtp, "\r\nand half\r\n."), qr/^250/, 'the transaction ends well');
ok($t->wait_mail('alice', qr{^Subject: half\n.*\nand half\n}ms), '... and is delivered');
print $session "b NOOP\r\n";
like(readline $session, qr/^b OK/, 'and the old session goes on');
my @four = map {$t->connect('imap')} 1 .. 4;
my @greeted = grep {defined && /OK/} map {scalar readline $_} @four;
is(scalar @greeted, 3, 'the new limit is in force');
@four = ();

# ---- parts --------------------------------------------------------------------------------

courier('restart', 'auth');
is($?, 0, 'restart of one part');
ok($t->wait_for(15, sub { my ($p) = grep {$_->{role} eq 'auth'} @{status()->{processes}}; $p && $p->{pid} != $before{'auth 0'} && $p->{state} eq 'ready' }), 'it is another process');
courier('stop', 'pop3d');
is($?, 0, 'stop of one part');
ok($t->wait_for(10, sub { !IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $t->port('pop3')) }), 'nobody listens there');
courier('start', 'pop3d');
ok($t->wait_for(10, sub { my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $t->port('pop3')); $s && (readline($s) // '') =~ /^\+OK/ }), 'and start brings it back');
is($t->command('imapd', 'stop'), '', 'sbin/imapd stop');
ok($t->wait_for(10, sub { !IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $t->port('imap')) }), '... does that');
is($t->command('imapd', 'start'), '', 'sbin/imapd start');
ok($t->wait_for(10, sub { my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $t->port('imap')); $s && (readline($s) // '') =~ /^\* OK/ }), '... and that');
$out = courier('restart', 'nothing');
isnt($?, 0, 'restart of a part that is not there');
like($out, qr/nothing/, '... says so');

# ---- death --------------------------------------------------------------------------------

# All processes of the instance: the supervisor and what descends from it.
sub family {
	my ($top) = map {$_->{pid}} grep {$_->{role} eq 'supervisor'} @{status()->{processes}};
	my %children;
	for (`ps axo pid=,ppid=`) { push @{$children{$2}}, $1 if /(\d+)\s+(\d+)/ }
	my @all = my @todo = ($top);
	while (defined(my $pid = shift @todo)) {
		push @all, @{$children{$pid} || []};
		push @todo, @{$children{$pid} || []};
	}
	return @all;
}

# Alive, and not only a record that waits for its parent.
sub alive {
	my @found;
	for my $pid (@_) {
		open my $stat, "<", "/proc/$pid/stat" or next;
		push @found, $pid if (readline($stat) // ") Z ") !~ m{\) [ZX] };
	}
	return @found;
}

my @family = family();
cmp_ok(scalar @family, '>', 12, 'processes of the instance');
kill 'KILL', $family[0];
my $gone = $t->wait_for(15, sub { !alive(@family) });
ok($gone, 'when the supervisor is killed all others end') or diag join "\n", map {`ps -o pid,args -p $_`} alive(@family);
ok(-e "$home/var/run/courierd.pid", 'its pid file is still there');
courier('status');
is($? >> 8, 3, 'status sees that nothing runs');
$t->start;
$session = IO::Socket::SSL->new(PeerAddr => '127.0.0.1', PeerPort => $t->port('imaps'), SSL_verify_mode => 0, Timeout => 10);
readline $session;
print $session "a LOGIN alice $Courier::Test::PASSWORD\r\n";
like(readline $session, qr/^a OK/, 'somebody is logged in');
is(status()->{queue}{messages}, 1, 'the next start is none the worse, the queue too');
@family = family();
$now = time;
is($t->stop, '', 'stop');
cmp_ok(time - $now, '<', 10, 'an idle session does not hold it up');
is(join(' ', alive(@family)), '', 'no process is left');
like($t->command('courier', '-C', $home, 'stop'), qr/not running/, 'a second stop has nothing to do');
done_testing;
