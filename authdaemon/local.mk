# authdaemon: who is this, may they enter, where do they live; and the tools for accounts.
noinst_LIBRARIES += authdaemon/libuserdb.a
authdaemon_libuserdb_a_SOURCES = \
	authdaemon/userdb.h \
	authdaemon/userdb-line.c authdaemon/userdb-read.c authdaemon/userdb-edit.c \
	authdaemon/userdb-compile.c authdaemon/userdb-lookup.c
USERDB_LDADD = authdaemon/libuserdb.a libs/table/libtable.a $(SASL_LDADD) $(DB_LIBS)

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/userdb
tests_unit_userdb_SOURCES = tests/unit/userdb.c
tests_unit_userdb_LDADD = $(USERDB_LDADD) $(CMOCKA_LIBS)
endif

fuzz_programs += tests/fuzz/fuzz-userdb
tests_fuzz_fuzz_userdb_SOURCES = tests/fuzz/fuzz-userdb.c
tests_fuzz_fuzz_userdb_LDADD = $(USERDB_LDADD)
tests_fuzz_fuzz_userdb_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
