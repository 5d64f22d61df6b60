# tests: unit tests are declared by the rooms they test; the rest is run by ./runtests.
EXTRA_DIST += tests/lib/stage.sh tests/lib/timeshift.c tests/lib/Courier tests/integration tests/lab tests/fuzz/corpus tests/fuzz/fuzz.h \
	tests/tools/kill-at.c tests/tools/sync-log.c tests/soak tests/million tests/differential tests/interop tests/parity
