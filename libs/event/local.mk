# libs/event: the loop and buffered connections, on libevent.
noinst_LIBRARIES += libs/event/libevent.a
libs_event_libevent_a_SOURCES = \
	libs/event/event.h libs/event/event-private.h \
	libs/event/loop.c libs/event/stream.c libs/event/stream-io.c

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/event
tests_unit_event_SOURCES = tests/unit/event.c
tests_unit_event_LDADD = libs/event/libevent.a libs/base/libbase.a $(EVENT_LIBS) $(CMOCKA_LIBS)
endif
