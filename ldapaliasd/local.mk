# ldapaliasd: aliases in an LDAP directory: the role that asks it, and the administrator's command.
EXTRA_DIST += ldapaliasd/courier.schema
if LDAP
pkglibexec_PROGRAMS += ldapaliasd/courierldapalias
ldapaliasd_courierldapalias_SOURCES = ldapaliasd/ldapaliasd-main.c ldapaliasd/alias-proto.h \
	ldapaliasd/ldapaliasrc.c ldapaliasd/ldapaliasrc.h ldapaliasd/directory.c \
	ldapaliasd/directory.h ldapaliasd/filter.c ldapaliasd/pool.c ldapaliasd/pool.h
ldapaliasd_courierldapalias_LDADD = libs/threads/libthreads.a libs/directory/libdirectory.a $(SERVICE_LIBS) $(LDAP_LIBS)
ldapaliasd_courierldapalias_LDFLAGS = $(AM_LDFLAGS) -pthread

sbin_PROGRAMS += ldapaliasd/courierldapaliasd
ldapaliasd_courierldapaliasd_SOURCES = ldapaliasd/command-main.c ldapaliasd/ldapaliasrc.c \
	submit/tool.c submit/tool.h
ldapaliasd_courierldapaliasd_LDADD = $(submit_client_libs)

dist_man_MANS += man/courierldapaliasd.8 man/ldapaliasrc.5 man/courierldapalias.8
etc_files += etc/ldapaliasrc
dist_pkgdata_DATA += ldapaliasd/courier.schema

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/ldapalias
tests_unit_ldapalias_SOURCES = tests/unit/ldapalias.c ldapaliasd/ldapaliasrc.c ldapaliasd/filter.c libs/directory/escape.c
tests_unit_ldapalias_LDADD = libs/base/libbase.a $(CMOCKA_LIBS)
endif
fuzz_programs += tests/fuzz/fuzz-ldapaliasrc
tests_fuzz_fuzz_ldapaliasrc_SOURCES = tests/fuzz/fuzz-ldapaliasrc.c ldapaliasd/ldapaliasrc.c \
	ldapaliasd/filter.c libs/directory/escape.c
tests_fuzz_fuzz_ldapaliasrc_LDADD = libs/base/libbase.a
tests_fuzz_fuzz_ldapaliasrc_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
endif
