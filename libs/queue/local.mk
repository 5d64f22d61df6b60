# libs/queue: envelopes, the on-disk store, and the edge between gate and scheduler.
noinst_LIBRARIES += libs/queue/libqueue.a
libs_queue_libqueue_a_SOURCES = \
	libs/queue/envelope.h libs/queue/envelope-id.c \
	libs/queue/envelope-encode.c libs/queue/envelope-decode.c \
	libs/queue/queue-client.h libs/queue/queue-client.c libs/queue/queue-proto.h \
	libs/queue/disk-thread.h libs/queue/disk-thread.c \
	libs/queue/journal-record.h libs/queue/journal-record.c \
	libs/queue/journal.h libs/queue/journal-private.h \
	libs/queue/journal.c libs/queue/journal-segment.c
