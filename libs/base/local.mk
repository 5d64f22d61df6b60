# libs/base: memory, strings, files, time, log. Depends on libc alone (and OpenSSL's random source).
noinst_LIBRARIES += libs/base/libbase.a
libs_base_libbase_a_SOURCES = \
	libs/base/base.h \
	libs/base/str.c libs/base/str.h \
	libs/base/arena.c libs/base/arena.h \
	libs/base/buf.c libs/base/buf.h \
	libs/base/vec.c libs/base/vec.h \
	libs/base/map.c libs/base/map.h \
	libs/base/clock.c libs/base/clock.h \
	libs/base/random.c libs/base/random.h \
	libs/base/file.c libs/base/file-way.c libs/base/file.h \
	libs/base/child.c libs/base/child.h \
	libs/base/child-run.c libs/base/child-run.h \
	libs/base/descriptor.c libs/base/descriptor.h \
	libs/base/codec.c libs/base/codec.h \
	libs/base/crc32c.c libs/base/crc32c.h \
	libs/base/mem.c libs/base/mem.h \
	libs/base/sandbox.c libs/base/sandbox.h \
	libs/base/log.c libs/base/log.h

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/base tests/unit/log tests/unit/sandbox
tests_unit_sandbox_SOURCES = tests/unit/sandbox.c
tests_unit_sandbox_LDADD = libs/base/libbase.a $(CMOCKA_LIBS)
tests_unit_log_SOURCES = tests/unit/log.c
tests_unit_log_LDADD = libs/base/libbase.a $(CMOCKA_LIBS)
tests_unit_base_SOURCES = tests/unit/base.c
tests_unit_base_LDADD = libs/base/libbase.a $(CMOCKA_LIBS)
endif
