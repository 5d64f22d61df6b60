# authdb: accounts in directories and databases; each library in a role and program of its own.
noinst_LIBRARIES += authdb/libauthdbrc.a authdb/libauthdb.a
authdb_libauthdbrc_a_SOURCES = authdb/rc.c authdb/rc.h authdb/sqlrc.c authdb/sql.h authdb/ldaprc.c \
	authdb/ldaprc.h authdb/clause.c authdb/clause.h authdb/sql-statements.c authdb/job.c \
	authdb/authdb.h authdb/authdb-proto.h authdb/shut.c authdb/shut.h
authdb_libauthdb_a_SOURCES = authdb/server.c authdb/sql.c
AUTHDB_LDADD = authdb/libauthdb.a authdb/libauthdbrc.a libs/threads/libthreads.a libs/auth/libauth.a \
	$(SERVICE_LIBS)
pkglibexec_PROGRAMS += authdb/courierauthpipe
dist_man_MANS += man/authpipe.7 man/courierauthpipe.8
authdb_courierauthpipe_SOURCES = authdb/pipe.c authdb/pipe-text.c authdb/pipe-text.h
authdb_courierauthpipe_LDADD = $(AUTHDB_LDADD)
authdb_courierauthpipe_LDFLAGS = $(AM_LDFLAGS) -pthread
if HAVE_CMOCKA
check_PROGRAMS += tests/unit/authpipe
tests_unit_authpipe_SOURCES = tests/unit/authpipe.c authdb/pipe-text.c authdb/pipe-text.h
tests_unit_authpipe_LDADD = authdb/libauthdbrc.a libs/base/libbase.a $(CMOCKA_LIBS)
endif
fuzz_programs += tests/fuzz/fuzz-authpipe
tests_fuzz_fuzz_authpipe_SOURCES = tests/fuzz/fuzz-authpipe.c authdb/pipe-text.c authdb/pipe-text.h
tests_fuzz_fuzz_authpipe_LDADD = authdb/libauthdbrc.a libs/base/libbase.a
tests_fuzz_fuzz_authpipe_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
EXTRA_DIST += tests/fuzz/corpus/authpipe
if LDAP
pkglibexec_PROGRAMS += authdb/courierauthldap
authdb_courierauthldap_SOURCES = authdb/ldap.c authdb/ldap-filter.c
authdb_courierauthldap_LDADD = $(AUTHDB_LDADD) libs/directory/libdirectory.a libs/base/libbase.a $(LDAP_LIBS)
authdb_courierauthldap_LDFLAGS = $(AM_LDFLAGS) -pthread
endif
if MYSQL
pkglibexec_PROGRAMS += authdb/courierauthmysql
authdb_courierauthmysql_SOURCES = authdb/mysql.c
authdb_courierauthmysql_CFLAGS = $(AM_CFLAGS) $(MYSQL_CFLAGS)
authdb_courierauthmysql_LDADD = $(AUTHDB_LDADD) $(MYSQL_LIBS)
authdb_courierauthmysql_LDFLAGS = $(AM_LDFLAGS) -pthread
endif
if PGSQL
pkglibexec_PROGRAMS += authdb/courierauthpgsql
authdb_courierauthpgsql_SOURCES = authdb/pgsql.c
authdb_courierauthpgsql_CFLAGS = $(AM_CFLAGS) $(PGSQL_CFLAGS)
authdb_courierauthpgsql_LDADD = $(AUTHDB_LDADD) $(PGSQL_LIBS)
authdb_courierauthpgsql_LDFLAGS = $(AM_LDFLAGS) -pthread
endif
if SQLITE
pkglibexec_PROGRAMS += authdb/courierauthsqlite
authdb_courierauthsqlite_SOURCES = authdb/sqlite.c
authdb_courierauthsqlite_CFLAGS = $(AM_CFLAGS) $(SQLITE_CFLAGS)
authdb_courierauthsqlite_LDADD = $(AUTHDB_LDADD) $(SQLITE_LIBS)
authdb_courierauthsqlite_LDFLAGS = $(AM_LDFLAGS) -pthread
endif

if LDAP
etc_files += etc/authldaprc
dist_man_MANS += man/authldaprc.5 man/courierauthldap.8
dist_pkgdata_DATA += authdb/authldap.schema authdb/authldap.ldif
endif
if MYSQL
etc_files += etc/authmysqlrc
dist_man_MANS += man/authmysqlrc.5 man/courierauthmysql.8
endif
if PGSQL
etc_files += etc/authpgsqlrc
dist_man_MANS += man/authpgsqlrc.5 man/courierauthpgsql.8
endif
if SQLITE
etc_files += etc/authsqliterc
dist_man_MANS += man/authsqliterc.5 man/courierauthsqlite.8
endif
EXTRA_DIST += authdb/authldap.schema authdb/authldap.ldif
dist_man_MANS += man/authdb.8

if LDAP
AUTHDB_TEST_SOURCES = authdb/ldap-filter.c libs/directory/escape.c
else
AUTHDB_TEST_SOURCES =
endif
if HAVE_CMOCKA
check_PROGRAMS += tests/unit/authdb
tests_unit_authdb_SOURCES = tests/unit/authdb.c $(AUTHDB_TEST_SOURCES)
tests_unit_authdb_LDADD = authdb/libauthdbrc.a libs/base/libbase.a $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/authdb-shut
tests_unit_authdb_shut_SOURCES = tests/unit/authdb-shut.c
tests_unit_authdb_shut_LDADD = authdb/libauthdbrc.a libs/base/libbase.a $(CMOCKA_LIBS)
endif
fuzz_programs += tests/fuzz/fuzz-authdb
tests_fuzz_fuzz_authdb_SOURCES = tests/fuzz/fuzz-authdb.c
tests_fuzz_fuzz_authdb_LDADD = authdb/libauthdbrc.a libs/base/libbase.a
tests_fuzz_fuzz_authdb_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
