# libs/ipc: framed messages between our own processes.
noinst_LIBRARIES += libs/ipc/libipc.a
libs_ipc_libipc_a_SOURCES = libs/ipc/ipc.h libs/ipc/ipc.c libs/ipc/ipc-fields.c libs/ipc/ipc-private.h

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/ipc
tests_unit_ipc_SOURCES = tests/unit/ipc.c
tests_unit_ipc_LDADD = libs/ipc/libipc.a libs/event/libevent.a libs/base/libbase.a $(EVENT_LIBS) $(CMOCKA_LIBS)
endif
