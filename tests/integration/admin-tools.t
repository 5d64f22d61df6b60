#!/usr/bin/perl
# What administrators type: the courier command as the original had it, and its small companions.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Courier::Test;

my $t = Courier::Test->new(
	config => {esmtpd => {TARPIT => 0}, submit => {BOFHSUPPRESSBACKSCATTER => 'none'}},
	files  => {
		'smtpaccess/default' => "127.0.0.1\tallow,RELAYCLIENT\n",
		esmtproutes => ": [127.0.0.1],1\n", retryalpha => "1h\n", queuetime => "1w2d\n", sizelimit => "5242880\n", warntime => "90m\n",
	});
sub courier { return $t->command('courier', '-C', $t->path(''), @_) }
sub pids { return map { /^(\w+)\s+(\d+)\s+(\d+)/ && $2 == 0 ? ($1 => $3) : () } split /\n/, courier('status') }
sub attempts { my ($to) = @_; return scalar(my @l = $t->log_lines(qr/started,.*addr=<\Q$to\E>/)) }

# ---- without a running system -------------------------------------------------------------

my $out = $t->command('courier', 'nonsense');
isnt($?, 0, 'MTA-0009: an unknown word is an error');
like($out, qr/^usage: courier/, 'MTA-0009: and says what there is');
$t->command('courier');
isnt($?, 0, 'MTA-0009: so is none');

my %c = map {/^(\w+)=(.*)$/ ? ($1 => $2) : ()} split /\n/, $t->command('courier-config');
is(join(' ', grep {!exists $c{$_}} qw(prefix exec_prefix bindir sbindir libexecdir sysconfdir datadir localstatedir mailuser mailgroup mailuid mailgid configure_args)), '', 'MTA-0014 CONF-0004: courier-config prints all names');
ok(-x "$c{sbindir}/courier" && -d $c{datadir}, 'MTA-0014 MTA-3001: and true folders');
my $program = Courier::Test::program('courier-config');
is(qx(eval "\$($program)"; echo "\$prefix"), "$c{prefix}\n", 'MTA-0014: which a shell can read');
like($c{configure_args}, qr/prefix/, 'MTA-0014: with what configure was told');

$out = $t->command('courier-mtaconfig');
is($?, 0, 'courier-mtaconfig');
like($out, qr/^queuetime: 9 days\n   - \w/m, 'MTA-0015 MTA-0201 MTA-0206: a time');
like($out, qr/^sizelimit: 5\.0 Mb\n   - /m, 'MTA-0015 MTA-0202: a size');
like($out, qr/^warntime: 90 mins\n/m, 'MTA-0015 MTA-0208: another time');
like($out, qr/^backuprelay: \(none\)\n   - /m, 'MTA-0015: unset');
like($out, qr/^queuelo: default\n/m, 'MTA-0015: by default');
like($out, qr/^locals: \n    localhost\n    mail\.example\.test\n   - /m, 'MTA-0015: a list');
cmp_ok(scalar(() = $out =~ /^\w+: /mg), '>=', 30, 'MTA-0015: thirty settings at least');
my %default = (batchsize => '100', dsnlimit => '32 Kb', esmtpdelay => '5 mins', esmtptimeout => '10 mins', esmtptimeoutconnect => '1 min', esmtptimeoutdata => '5 mins',
	esmtptimeouthelo => '5 mins', esmtptimeoutkeepalive => '1 min', esmtptimeoutkeepaliveping => '', esmtptimeoutquit => '10 secs',
	localtimeout => '15 mins', queuefill => '5 mins', respawnlo => '1 hour', respawnhi => '1 week', retrybeta => '3', retrygamma => '15 mins', retrymaxdelta => '3', submitdelay => '');
# MTA-0203 MTA-0205 MTA-0222 MTA-0223 MTA-0224 MTA-0225 MTA-0226 MTA-0227 MTA-0228 MTA-0229 MTA-0220
# MTA-0217 MTA-0218 MTA-0219 MTA-0210 MTA-0211 MTA-0212 MTA-0214: the defaults of the original
like($out, qr/^\Q$_: $default{$_}\E *$/m, "$_ unset is '$default{$_}'") for sort keys %default;

my $addcr = Courier::Test::program('addcr');
is(qx(printf 'a\\nb\\r\\n\\nc' | $addcr), "a\r\nb\r\n\r\nc", 'MTA-1416: addcr');

# ---- start, stop, restart -----------------------------------------------------------------

{
	local $ENV{SECRET_OF_THE_SHELL} = 'leaks';
	local $ENV{COURIER_HOME} = $t->path('');
	$out = $t->command('courierctl.start');
	is($?, 0, 'MTA-0010 MTA-0001: courierctl.start starts the system') or BAIL_OUT($out);
	$t->{running} = 1;
}
my %first = pids();
ok($first{sched}, 'which runs');
my $leaks = 0;
for my $pid (values %first) {
	open my $f, '<', "/proc/$pid/environ" or next;
	local $/;
	$leaks++ if (<$f> // '') =~ /SECRET_OF_THE_SHELL/;
}
is($leaks, 0, 'MTA-0011: nothing of the shell\'s environment is in any process');
courier('start');
isnt($?, 0, 'MTA-0001: a second start makes no second engine');
is_deeply({pids()}, \%first, 'MTA-0001: the first goes on');

kill 'KILL', $first{sched};
ok($t->wait_for(20, sub { my %p = pids(); $p{sched} && $p{sched} != $first{sched} }), 'MTA-0012: a dead scheduler is back within seconds');
is($t->send_mail(from => 'alice@example.test', to => 'x@far.test', text => "Subject: waits\n\n") =~ /^250/, 1, 'mail is taken');
ok($t->wait_for(10, sub { courier('show') =~ /deferred\tx\@far\.test/ }), 'and waits');
my %before = pids();
courier('restart');
is($?, 0, 'MTA-0003: restart');
my %after = pids();
ok($after{sched} && $after{sched} != $before{sched}, 'MTA-0003: a new scheduler');
ok($t->wait_for(10, sub { courier('show') =~ /x\@far\.test/ }), 'MTA-0003: with its message');

# ---- flush --------------------------------------------------------------------------------

my ($id) = $t->command('mailq', '-batch') =~ /;([0-9A-F.]{42});/;
my $n = attempts('x@far.test');
courier('flush');
is($?, 0, 'MTA-0004: flush');
ok($t->wait_for(10, sub { attempts('x@far.test') > $n }), 'MTA-0004: is an attempt now');
ok($t->wait_for(10, sub { courier('show') =~ /deferred\tx\@far\.test/ }), 'which fails');
$n = attempts('x@far.test');
courier('flush', $id);
is($?, 0, 'MTA-0005: flush of one message');
ok($t->wait_for(10, sub { attempts('x@far.test') > $n }), 'MTA-0005: is an attempt now');
like(courier('flush', '0000000000000001.0000000000000001.00000001'), qr/No such message\./, 'MTA-0005: an unknown message');
is($? >> 8, 1, 'MTA-0005: is an error');

# ---- mailq, cancelmsg ---------------------------------------------------------------------

ok($t->wait_for(10, sub { courier('show') =~ /deferred\tx\@far\.test/ }), 'it waits again');
is($t->send_mail(from => 'bob@example.test', to => ['y@far.test', 'alice@example.test'], text => "Subject: second\n\n" . 'x' x 2000 . "\n") =~ /^250/, 1, 'another, partly for here');
ok($t->wait_for(10, sub { courier('show') =~ /deferred\ty\@far\.test\tdone\talice/ }), 'waits as well');
my $month = qr/[A-Z][a-z]{2} \d\d \d\d:\d\d/;
my $user = qr/\S+/;
$out = $t->command('mailq', '-sort');
like($out, qr/\ASize {13}Queue ID {52}Date\nUser {13}From\nStatus {11}Recipient\n-{16} -{57}\n/, 'MTA-1401: the head of the table');
like($out, qr/^\d+ +$id {18}$month\n$user +alice\@example\.test\n {17}x\@far\.test\n\n2\.\dK +[0-9A-F.]{42} {18}$month\n$user +bob\@example\.test\n {17}y\@far\.test\ndone {13}alice\@example\.test\n\n   2 messages\.\n\z/m, 'MTA-1401 MTA-1402: messages, oldest first');
$out = $t->command('mailq', '-sort', '-batch');
like($out, qr/\A\d+ *;$id;$month;$user;alice\@example\.test;;x\@far\.test;\n2\.\dK *;[0-9A-F.]{42};$month;$user;bob\@example\.test;;y\@far\.test;done;alice\@example\.test;\nmessages: 2\n\z/, 'MTA-1403: for programs') or diag $out;
like($t->command('mailq', '-x'), qr/Invalid argument: -x/, 'MTA-1404: a bad option');
is($? >> 8, 1, 'MTA-1404: is an error');
is($t->command('cancelmsg', $id, 'no longer wanted'), "Message scheduled for cancellation.\n", 'MTA-1405: cancelmsg');
is($?, 0, 'MTA-1405: succeeds');
ok($t->wait_mail('alice', qr/no longer wanted/), 'MTA-1405: its sender is told why');
like($t->command('cancelmsg', '0000000000000001.0000000000000001.00000001'), qr/Message not found\./, 'MTA-1405: an unknown message');
is($? >> 8, 1, 'MTA-1405: is an error');
like($t->command('cancelmsg'), qr/^usage: /, 'MTA-1406: without arguments it says what it wants');

# ---- reload and stop ----------------------------------------------------------------------

my ($lock) = do { local (@ARGV, $/) = glob($t->path('var/run/courierd.pid') . ' ' . $t->path('var/run/lock')) ; <> };
my %live = pids();
my $top = 0;
if (open my $f, '<', "/proc/$live{sched}/status") { while (<$f>) { $top = $1 if /^PPid:\s+(\d+)/ } }
$t->file('etc/retryalpha', "2h\n");
kill 'HUP', $top;
ok($t->wait_for(20, sub { scalar($t->log_lines(qr/reloading the configuration/)) }), 'MTA-0013: a hang-up makes it read its files again');
ok($t->wait_for(20, sub { scalar(my @l = $t->log_lines(qr/queuelo=/)) >= 4 }), 'MTA-0013: the scheduler too');
courier('stop');
is($?, 0, 'MTA-0002: stop');
$t->{running} = 0;
ok($t->wait_for(20, sub { !grep {kill 0, $live{$_}} keys %live }), 'MTA-0002: nothing is left running');
ok(scalar($t->log_lines(qr/SHUTDOWN: Stopping/)), 'MTA-0002: the log says so');
ok(scalar(glob $t->path('var/queue/msgs/*/C*')), 'MTA-0002: mail stays in the queue');

# ---- an upgrade ---------------------------------------------------------------------------

{
	local $ENV{COURIER_HOME} = $t->path('');
	my $file = $t->file('etc/courierd', "##NAME: PATH\nPATH=/my/bin\n\n##NAME: DSNNOTIFY:7\nDSNNOTIFY=N\n\n##NAME: CUSTOM\nMINE=1\n");
	like($t->command('sysconftool', '-n'), qr/courierd: would be updated/, 'MTA-0020: what would be merged');
	unlike(do { local (@ARGV, $/) = $file; <> }, qr/OLD/, 'MTA-0020: is not, with -n');
	like($t->command('sysconftool'), qr/courierd: updated/, 'MTA-0020: and is merged');
	my $text = do { local (@ARGV, $/) = $file; <> };
	like($text, qr/^PATH=\/my\/bin$/m, 'MTA-0020 CONF-0001: the administrator\'s value stays');
	like($text, qr/^##OLD: DSNNOTIFY=N$/m, 'MTA-0020: one of another revision does not');
	like($text, qr/^##NAME: CUSTOM\n(?:#.*\n|\n)*MINE=1\n\z/m, 'MTA-0530: the CUSTOM section stays');
	like($text, qr/^DEFAULTDELIVERY=\.\/Maildir$/m, 'MTA-0020: new settings are there');
	ok(-e "$file.bak", 'MTA-0020: the old file is kept');
	unlike($t->command('sysconftool'), qr/courierd: updated/, 'MTA-0020: a second time nothing changes');
	# MTA-0644 MTA-0645: free sections are the administrator's
	for my $free (['esmtpd-msa', 'CUSTOM'], ['esmtpd-ssl', 'MISC']) {
		my ($name, $section) = @$free;
		$t->file("etc/$name", "##NAME: $section\n#\nTARPIT_MAX=7\n");
		$t->command('sysconftool');
		my $all = do { local (@ARGV, $/) = $t->path("etc/$name"); <> };
		like($all, qr/^##NAME: $section\n(?:#.*\n|\n)*TARPIT_MAX=7$/m, "MTA-0644 MTA-0645: the section $section of $name is kept");
		like($all, qr/^AUTH_REQUIRED=1$/m, 'the rest is as it is shipped');
	}
	courier('check', '-q');
	is($?, 0, 'and the result is sound');
	$t->file('etc/x.dist', "##NAME: A:0\nA=1\n");
	$t->command('sysconftool', $t->path('etc/x.dist'));
	is(do { local (@ARGV, $/) = $t->path('etc/x'); <> }, "##NAME: A:0\nA=1\n", 'MTA-0020: a file that is missing is made');
	unlink $t->path('etc/x'), $t->path('etc/x.dist');
}

# ---- the grammar --------------------------------------------------------------------------

$t->file('etc/more', "EXTRA=from-the-other-file\n");
$t->configure();
open my $f, '>>', $t->path('etc/courierd') or die;
print $f qq{prefix="/opt/courier"\nexec_prefix="\${prefix}"\n. more\nDEFAULTDELIVERY="| /bin/true\n./Maildir"\nLANG=\${UNSET:-C.UTF-8}\nPATH='/usr/bin:/bin' # why\n};
close $f;
courier('check', '-q');
is($?, 0, 'MTA-0021 CONF-0002 MTA-0501 MTA-0502: what shells read is read: quotes, lines, variables, files');
like(courier('config', 'local'), qr/DEFAULTDELIVERY: \| \/bin\/true/, 'MTA-0021: a value of two lines');
open $f, '>>', $t->path('etc/courierd') or die;
print $f "LANG=`locale`\n";
close $f;
like(courier('check'), qr/courierd:\d+: /, 'MTA-0021: commands are faults, with file and line');
isnt($?, 0, 'MTA-0021: and nothing is executed');
done_testing;
