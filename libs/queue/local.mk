# libs/queue: envelopes, the on-disk store, and the edge between gate and scheduler.
noinst_LIBRARIES += libs/queue/libqueue.a
libs_queue_libqueue_a_SOURCES = \
	libs/queue/envelope.h libs/queue/envelope-id.c \
	libs/queue/envelope-encode.c libs/queue/envelope-decode.c \
	libs/queue/queue-client.h libs/queue/queue-client.c libs/queue/queue-proto.h \
	libs/queue/disk-thread.h libs/queue/disk-thread.c \
	libs/queue/journal-record.h libs/queue/journal-record.c \
	libs/queue/journal.h libs/queue/journal-private.h \
	libs/queue/journal.c libs/queue/journal-segment.c \
	libs/queue/queue.h libs/queue/queue-ram.c \
	libs/queue/store.h libs/queue/store.c libs/queue/store-commit.c libs/queue/store-load.c \
	libs/queue/store-body.c libs/queue/store-files.c libs/queue/store-move.c \
	libs/queue/store-open.c libs/queue/store-replay.c libs/queue/store-scan.c

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/queue tests/unit/queue-disk tests/unit/queue-crash
queue_test_libs = libs/queue/libqueue.a libs/event/libevent.a libs/base/libbase.a
tests_unit_queue_SOURCES = tests/unit/queue.c
tests_unit_queue_LDADD = $(queue_test_libs) $(CMOCKA_LIBS)
tests_unit_queue_disk_SOURCES = tests/unit/queue-disk.c
tests_unit_queue_disk_LDADD = $(queue_test_libs) $(EVENT_LIBS) $(CMOCKA_LIBS)
tests_unit_queue_crash_SOURCES = tests/unit/queue-crash.c tests/lib/failsys.c tests/lib/failsys.h
tests_unit_queue_crash_LDADD = $(queue_test_libs) $(EVENT_LIBS) $(CMOCKA_LIBS)
endif

fuzz_programs += tests/fuzz/fuzz-control-file tests/fuzz/fuzz-journal
tests_fuzz_fuzz_control_file_SOURCES = tests/fuzz/fuzz-control-file.c
tests_fuzz_fuzz_control_file_LDADD = libs/queue/libqueue.a libs/base/libbase.a
tests_fuzz_fuzz_control_file_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_journal_SOURCES = tests/fuzz/fuzz-journal.c
tests_fuzz_fuzz_journal_LDADD = libs/queue/libqueue.a libs/base/libbase.a
tests_fuzz_fuzz_journal_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
