#!/usr/bin/perl
# slow: at each step of a worker that follows a filter, into a Maildir with a quota and into an mbox,
# it is killed or the call fails; the queue tries again, and every message is there, whole.
# As an ordinary user: see fault-steps.t.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Courier::FaultRun;
use Errno qw(EIO ENOSPC);
use Test::More;

my $run = Courier::FaultRun->new(kinds => ['m', 'x', 'mx'], filters => 1);
my $home = $run->{storm}{filtered};
$run->walk('courierlocal-worker', 'killed', 0, stride => 2);
$run->walk('courierlocal-worker', 'disk full', ENOSPC, stride => 3);
$run->walk('courierlocal-worker', 'disk broken', EIO, stride => 3, first => 2);
$run->for_a_while('courierlocal-worker', ENOSPC, 'files');
$run->for_a_while('courierlocal-worker', EIO, 'sync');

# The quota file has been counted anew whenever it was not whole.
open my $f, '<', "$home/Filtered/maildirsize" or die "no quota file: $!";
my ($limits, @lines) = <$f>;
close $f;
is $limits, "900000000S,1000000C\n", 'the quota file has its limits';
is scalar(grep { !/^ *-?\d+ +-?\d+ *\n\z/ } @lines), 0, 'and whole lines only';
ok !-e "$home/box.lock", 'no lock is left on the mbox';
is_deeply [grep { -M $_ > 1.5 } glob "$home/Filtered/tmp/*"], [], 'nothing old stays in tmp';
$run->finish;
