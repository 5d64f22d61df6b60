#!/usr/bin/perl
# slow
# A process of each kind hangs without ending (T23): the supervisor notices, kills it and starts another
# one; mail flows again and none is lost.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Courier::CrashRun;
use Courier::Storm;
use Courier::Test;
use Test::More;

my $t = Courier::Test->new(users => ['alice', 'bob'], config => {courierd => {WATCHDOG => 2}});
my $storm = Courier::Storm->new($t, kinds => ['as', 'b', 'f'], big_every => 3)->prepare;
$t->start;
is $storm->burst(3, 50), 3, 'mail is taken';

my @roles = qw(sched gate local esmtp dsn broker auth key esmtpd imaplogin pop3login);
my %was = %{$storm->processes};
my @stopped = map {@{$was{$_} || []}} @roles;
cmp_ok scalar @stopped, '>=', @roles, 'there is at least one process of each role';
is kill('STOP', @stopped), scalar @stopped, 'all hang';
my $now;
ok $t->wait_for(20, sub {
	$now = $storm->processes;
	my %alive = map { $_ => 1 } map {@$_} values %$now;
	!grep {$alive{$_}} @stopped;
}), 'all of them are found and killed';
ok $t->wait_for(20, sub { my $p = $storm->processes; !grep { @{$p->{$_} || []} != @{$was{$_}} } @roles }),
    'and others serve in their place';
$storm->{kills}{hung} = @stopped;
is $storm->burst(6, 100), 6, 'mail is taken again';
ok $storm->drain(30), 'and delivered';
Courier::CrashRun::report($storm, 9);
my $log = $t->log;
for my $role (@roles) {
	like $log, qr/\b$role \d+ \(\d+\) has not answered for 2 seconds and is killed \(WATCHDOG/, "$role: the log says why";
}

# Those that answer are left alone, also when they have nothing to do.
my @before = sort map {@$_} values %{$storm->processes};
sleep 4;
is_deeply [sort map {@$_} values %{$storm->processes}], \@before, 'who answers is left alone';
is $t->stop, '', 'stops';
done_testing;
