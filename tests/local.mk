# tests: unit tests are declared by the rooms they test; the rest is run by ./runtests.
EXTRA_DIST += tests/lib/Courier/Test.pm
EXTRA_DIST += tests/lib/Courier/Storm.pm tests/lib/Courier/CrashRun.pm
EXTRA_DIST += tests/lib/Courier/Faults.pm
