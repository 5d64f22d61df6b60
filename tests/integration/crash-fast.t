#!/usr/bin/perl
# Processes of each kind die once while mail flows, and the whole instance once: nothing that was
# accepted is lost.  crash.t does the same for longer.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Courier::CrashRun;
Courier::CrashRun::run(clients => 5, each => 120, rounds => 1, instance_kills => 2, pause => 0.05);
