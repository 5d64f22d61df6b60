# uucp: mail for and from UUCP nodes.
noinst_LIBRARIES += uucp/libuucp.a
uucp_libuucp_a_SOURCES = uucp/uucp.h uucp/neighbors.c uucp/uucp-settings.c

if UUCP
pkglibexec_PROGRAMS += courieruucp
sbin_PROGRAMS += makeuucpneighbors
dist_man_MANS += man/courieruucp.8 man/makeuucpneighbors.8
etc_files += etc/module.uucp.dist
endif
courieruucp_SOURCES = uucp/uucp-main.c uucp/uucp-job.c uucp/uucp-job.h
courieruucp_LDADD = uucp/libuucp.a $(submit_client_libs)
makeuucpneighbors_SOURCES = uucp/makeuucpneighbors.c submit/tool.c submit/tool.h
makeuucpneighbors_LDADD = uucp/libuucp.a $(submit_client_libs)

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/uucp
tests_unit_uucp_SOURCES = tests/unit/uucp.c
tests_unit_uucp_LDADD = uucp/libuucp.a $(submit_client_libs) $(CMOCKA_LIBS)
endif

fuzz_programs += tests/fuzz/fuzz-uucp
tests_fuzz_fuzz_uucp_SOURCES = tests/fuzz/fuzz-uucp.c
tests_fuzz_fuzz_uucp_LDADD = uucp/libuucp.a $(submit_client_libs)
tests_fuzz_fuzz_uucp_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
