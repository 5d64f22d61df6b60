# esmtpd: the ESMTP server.
esmtpd_sources = \
	esmtpd/esmtpd.h esmtpd/session.h \
	esmtpd/board.c esmtpd/board.h \
	esmtpd/server.c \
	esmtpd/proxy.c \
	esmtpd/settings.c esmtpd/settings-read.c \
	esmtpd/session.c \
	esmtpd/session-connect.c \
	esmtpd/session-reply.c \
	esmtpd/session-commands.c \
	esmtpd/session-mail.c \
	esmtpd/session-bdat.c esmtpd/session-ehlo.c \
	esmtpd/session-auth.c \
	esmtpd/session-tls.c
esmtpd_parsers = libs/smtp/libsmtp.a libs/rfc822/librfc822.a libs/unicode/libunicode.a
esmtpd_libs = libs/tls/libtls.a libs/dns/libdns.a libs/access/libaccess.a $(esmtpd_parsers) $(SERVICE_LIBS) \
	$(UNBOUND_LIBS) $(IDN2_LIBS) $(UNISTRING_LIBS) $(OPENSSL_LIBS)

if ESMTPD
pkglibexec_PROGRAMS += courieresmtpd
courieresmtpd_SOURCES = $(esmtpd_sources) esmtpd/main.c
courieresmtpd_LDADD = libs/gate/libgate.a libs/auth/libauth.a $(esmtpd_libs)
# The same session for one client on standard input and output.
sbin_PROGRAMS += esmtpd/courieresmtpd
esmtpd_courieresmtpd_SOURCES = $(esmtpd_sources) esmtpd/stdio-main.c esmtpd/gate-socket.h esmtpd/gate-socket.c
esmtpd_courieresmtpd_LDADD = libs/gate/libgate.a libs/auth/libauth.a $(esmtpd_libs)
etc_files += etc/esmtpd etc/esmtpd-msa etc/esmtpd-ssl
dist_man_MANS += man/esmtpd.8 man/esmtpd-msa.8 man/esmtpd-ssl.8 man/courieresmtpd.8
endif

# The machine with a gate and an authdaemond of the test's own (door_settings_new is not used).
esmtpd_fake_sources = $(esmtpd_sources) tests/unit/esmtpd-fake.c tests/unit/esmtpd-fake.h \
	libs/auth/settings.c

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/esmtpd-board
tests_unit_esmtpd_board_SOURCES = tests/unit/esmtpd-board.c esmtpd/board.c esmtpd/board.h
tests_unit_esmtpd_board_LDADD = libs/base/libbase.a $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/esmtpd
tests_unit_esmtpd_SOURCES = tests/unit/esmtpd.c $(esmtpd_fake_sources)
tests_unit_esmtpd_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_unit_esmtpd_LDADD = $(esmtpd_libs) $(CMOCKA_LIBS)
endif

fuzz_programs += tests/fuzz/fuzz-esmtpd
tests_fuzz_fuzz_esmtpd_SOURCES = tests/fuzz/fuzz-esmtpd.c $(esmtpd_fake_sources)
tests_fuzz_fuzz_esmtpd_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_fuzz_fuzz_esmtpd_LDADD = $(esmtpd_libs)
tests_fuzz_fuzz_esmtpd_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
