# libs/table: lookup tables on Berkeley DB.
noinst_LIBRARIES += libs/table/libtable.a
libs_table_libtable_a_SOURCES = \
	libs/table/table.h libs/table/table-private.h \
	libs/table/db.c libs/table/read.c libs/table/build.c

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/table
tests_unit_table_SOURCES = tests/unit/table.c
tests_unit_table_LDADD = libs/table/libtable.a libs/base/libbase.a $(DB_LIBS) $(CMOCKA_LIBS)
endif
