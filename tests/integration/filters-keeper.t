#!/usr/bin/perl
# slow
# courierfilterd, courierfilter and filterctl: MTA-1901 MTA-1902 MTA-1904 MTA-1905 MTA-1906 MTA-1914
# MTA-1915 MTA-1916 MTA-1917
use strict;
use warnings;
use Test::More;
use FindBin;
use Time::HiRes qw(sleep time);
use lib "$FindBin::Bin/../lib";
use Courier::Filter;
use Courier::Test;

my $t = Courier::Test->new;
my $one = Courier::Filter->new($t, 'one', folder => 'allfilters');
my $two = Courier::Filter->new($t, 'two', folder => 'filters');
my @dir = ('-C', $t->path(''));
my $status = sub { my ($l) = grep {/^filter/} split /\n/, $t->command('courier', @dir, 'status'); $l || '' };

is($t->command('courierfilter', @dir, 'start') =~ /nothing is running/, 1, 'without a running instance it says so (MTA-1901)');
is($? >> 8, 1, 'and fails');

$one->at_start('wait');
my $before = time;
my $pid = fork;
if (!$pid) { sleep 1.5; $one->at_start('go'); exit 0 }
$t->start;
waitpid $pid, 0;
cmp_ok(time - $before, '>', 1.4, 'a start waits until each filter has closed descriptor 3 (MTA-1901, MTA-1905)');
ok(-S $one->socket && -S $two->socket, 'both sockets are there (MTA-1904)');
like($status->(), qr/one=ready.*two=ready|two=ready.*one=ready/, 'courier status shows them');
is((stat $one->socket)[2] & 07777, 0660, 'mode of the socket (MTA-1915)');

my $facts = $one->facts;
is($facts->{sysconfdir}, $t->path('etc'), 'sysconfdir in the environment (MTA-1914)');
is($facts->{localstatedir}, $t->path('var'), 'localstatedir');
my %known = map {$_ => 1} qw(PATH SHELL PWD OLDPWD SHLVL _ sysconfdir localstatedir prefix exec_prefix bindir sbindir libexecdir
    COURIER_HOME argv0 uid gid pid);
is(join(' ', grep {!$known{$_}} sort keys %$facts), '', 'and nothing that is not documented');
SKIP: {
	skip 'not root', 2 if $>;
	is($facts->{uid}, scalar getpwnam('courier-filter'), 'it runs as the user for filters (MTA-1915)');
	is($facts->{gid}, scalar getgrnam('courier-gate'), 'in the group of the gate');
	like($t->command('courier', @dir, 'security'), qr/as promised/, 'as the table of roles promises');
}
ok($t->wait_for(5, sub { $t->log_lines(qr/filter=one,toy listens/) }), 'its output goes to the log');

# A death
kill KILL => $facts->{pid};
ok($t->wait_for(15, sub { my $p = $one->facts->{pid}; $p && $p != $facts->{pid} && -S $one->socket && $status->() =~ /one=ready/ }),
    'a filter that is killed is started again (MTA-1917)');
ok($t->log_lines(qr/filter=one,died of signal 9/), 'with a line in the log');
$one->at_start('fail');
my $again = $one->facts->{pid};
kill KILL => $again;
ok($t->wait_for(10, sub { $t->log_lines(qr/filter=one,toy does not want/) >= 3 }), 'one that does not start is tried again');
my @tries = $t->log_lines(qr/filter=one,ended with status 3; it is started again in (\d+) ms/);
my @waits = map {/in (\d+) ms/} @tries;
cmp_ok($waits[-1], '>', $waits[0], 'later and later');
$one->at_start('go');
$t->command('courierfilter', @dir, 'restart');
ok($t->wait_for(10, sub { $status->() =~ /one=ready/ }), 'a restart tries it at once');

my $alive = $two->facts->{pid};
unlink $two->socket;
ok($t->wait_for(10, sub { -S $two->socket && $two->facts->{pid} != $alive }), 'a filter that has lost its socket is started anew');

# restart: the folder is read again
my $old = $two->facts->{pid};
$one->unlink;
is($t->command('courierfilter', @dir, 'restart'), '', 'courierfilter restart');
ok($t->wait_for(10, sub { $status->() !~ /one=/ }), 'ends what has gone from filters/active (MTA-1906)');
ok(!-e $one->socket, 'and its socket');
is($two->facts->{pid}, $old, 'and leaves the others alone');

# stop and start
is($t->command('courierfilter', @dir, 'stop'), '', 'courierfilter stop');
ok(!kill(0 => $old), 'ends the filters by the end of their input (MTA-1906)');
ok(!-e $two->socket, 'no socket is left');
$two->at_start('wait');
$pid = fork;
if (!$pid) { sleep 1; $two->at_start('go'); exit 0 }
$before = time;
is($t->command('courierfilter', @dir, 'start'), '', 'courierfilter start');
cmp_ok(time - $before, '>', 0.9, 'waits for descriptor 3');
waitpid $pid, 0;
like($status->(), qr/two=ready/, 'and is ready then');

# filterctl
is($t->command('filterctl'), "usage: filterctl [-C dir] start | stop filter\n", 'filterctl without arguments (MTA-1902)');
is($? >> 8, 1, 'fails');
like($t->command('filterctl', 'start', 'no-such-filter'), qr/there is no such filter/, 'an unknown filter');
is($? >> 8, 1, 'fails');
like($t->command('filterctl', 'start', '../x'), qr/no name of a filter/, 'a path');
my $folder = Courier::Test::prefix() . '/libexec/courier/filters';
mkdir $folder;
my $name = "toy$$";
my $toy = Courier::Filter->new($t, $name, unlinked => 1);
symlink $toy->{script}, "$folder/$name" or die "$folder: $!";
is($t->command('filterctl', 'start', $name), '', 'filterctl start');
is(readlink $t->path("etc/filters/active/$name"), "$folder/$name", 'makes the link (MTA-1902)');
like($status->(), qr/\Q$name\E=ready/, 'and the filter runs when it returns');
is($t->command('filterctl', 'stop', $name), '', 'filterctl stop');
ok(!-l $t->path("etc/filters/active/$name") && !-e $toy->socket, 'takes both away');
unlike($status->(), qr/\Q$name\E/, 'and has ended it');
like($t->command('filterctl', 'stop', $name), qr/not installed/, 'what is not there is not stopped');
unlink "$folder/$name";
rmdir $folder;

# argument 0 is the link (MTA-1916)
my $script = $t->scratch . '/who';
open my $fh, '>', $script or die;
print $fh "#!/bin/sh\nexec 3>&-\necho \"I am \$0\"\nread x\n";
close $fh;
chmod 0755, $script;
symlink $script, $t->path("etc/filters/active/$_") for qw(alpha beta);
$t->command('courierfilter', @dir, 'restart');
ok($t->wait_for(10, sub { $t->log_lines(qr/I am \S+active\/$_[0]/); 2 == grep {/I am \S+\/active\/(?:alpha|beta)/} split /\n/, $t->log }),
    'one program under two names knows them by argument 0 (MTA-1916)');
ok($t->wait_for(5, sub { $t->log_lines(qr/filter=alpha,has closed descriptor 3 without a socket/) }), 'one without a socket is not ready');
unlike($status->(), qr/alpha=ready/, 'and is not shown so');
like($t->command('courier', @dir, 'check'), qr/is sound/, 'courier check');
symlink '/no/where', $t->path('etc/filters/active/nowhere');
like($t->command('courier', @dir, 'check'), qr/nowhere.*can't be run/, 'names a link that leads nowhere');
unlink $t->path("etc/filters/active/$_") for qw(nowhere alpha beta);
$t->command('courierfilter', @dir, 'restart');

# one that does not want to end
$script = $t->scratch . '/stubborn';
open $fh, '>', $script or die;
print $fh "#!/bin/sh\ntrap '' TERM\nexec 3>&-\nwhile :; do sleep 1; done\n";
close $fh;
chmod 0755, $script;
symlink $script, $t->path('etc/filters/active/stubborn');
$t->command('courierfilter', @dir, 'restart');
ok($t->wait_for(10, sub { $t->log_lines(qr/filter=stubborn,has closed/) }), 'a filter that does not look at its input');
is($t->stop, '', 'all ends with the instance');
ok($t->log_lines(qr/filter=stubborn,does not end; sending SIGKILL/), 'that one by a signal (MTA-1906)');
ok(!`pgrep -f $script`, 'nothing is left of it');
done_testing;
