# pop3d: the POP3 session after the login.
noinst_LIBRARIES += pop3d/libpop3.a
pop3d_libpop3_a_SOURCES = pop3d/pop3d.h pop3d/pop3-parse.c pop3d/pop3-sizelist.c \
	pop3d/pop3-wire.c pop3d/pop3-io.c pop3d/pop3-box.c pop3d/pop3-send.c pop3d/pop3-commands.c
if POP3D
pkglibexec_PROGRAMS += pop3d/pop3d
pop3d_pop3d_SOURCES = pop3d/pop3-main.c pop3d/pop3-settings.c pop3d/pop3-settings.h
pop3d_pop3d_LDADD = pop3d/libpop3.a libs/maildir/libmaildir.a libs/config/libconfig.a \
	libs/base/libbase.a
dist_man_MANS += man/pop3d.8 man/pop3d-ssl.8
etc_files += etc/pop3d etc/pop3d-ssl
endif

# it starts the program
if POP3D
if HAVE_CMOCKA
check_PROGRAMS += tests/unit/pop3d
tests_unit_pop3d_SOURCES = tests/unit/pop3d.c
tests_unit_pop3d_LDADD = pop3d/libpop3.a libs/maildir/libmaildir.a libs/base/libbase.a $(CMOCKA_LIBS)
endif
endif

fuzz_programs += tests/fuzz/fuzz-pop3
tests_fuzz_fuzz_pop3_SOURCES = tests/fuzz/fuzz-pop3.c
tests_fuzz_fuzz_pop3_LDADD = pop3d/libpop3.a libs/maildir/libmaildir.a libs/base/libbase.a
tests_fuzz_fuzz_pop3_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
