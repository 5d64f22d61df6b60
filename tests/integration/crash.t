#!/usr/bin/perl
# slow: processes of each kind die at random while some thousand messages pass, and the whole instance
# several times: nothing that was accepted is lost.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Courier::CrashRun;
Courier::CrashRun::run(clients => 8, each => 600, rounds => 4, instance_kills => 6, pause => 0.06);
