# esmtp: the module that sends mail to other hosts.
noinst_LIBRARIES += esmtp/libesmtp.a
esmtp_libesmtp_a_SOURCES = \
	esmtp/esmtp.h esmtp/conn-private.h \
	esmtp/authclient.c esmtp/authclient.h \
	esmtp/candidates.c esmtp/candidates.h \
	esmtp/envelope.c esmtp/envelope.h \
	esmtp/terms.c esmtp/terms.h \
	esmtp/convert.c esmtp/convert-decide.c esmtp/convert.h \
	esmtp/esmtp-settings.c esmtp/esmtp-settings.h \
	esmtp/tls-need.c esmtp/tls-need.h esmtp/sts-client.c esmtp/sts-client.h \
	esmtp/settings.c esmtp/self.c esmtp/job.c esmtp/target.c \
	esmtp/conn.c esmtp/conn-trouble.c esmtp/connect.c esmtp/hang-up.c esmtp/rival.c esmtp/connect.h esmtp/session.c esmtp/auth.c \
	esmtp/transaction.c esmtp/message.c

pkglibexec_PROGRAMS += courieresmtp
courieresmtp_SOURCES = esmtp/main.c
courieresmtp_LDADD = esmtp/libesmtp.a libs/sts/libsts.a libs/module/libmodule.a libs/dns/libdns.a \
	libs/tls/libtls.a libs/sasl/libsasl.a libs/smtp/libsmtp.a libs/mime/libmime.a \
	libs/rfc822/librfc822.a libs/unicode/libunicode.a $(SERVICE_LIBS) $(UNBOUND_LIBS) $(OPENSSL_LIBS) \
	$(IDN2_LIBS) $(UNISTRING_LIBS)

bin_PROGRAMS += testmxlookup
testmxlookup_SOURCES = esmtp/testmxlookup.c esmtp/testmxlookup-sts.c esmtp/testmxlookup.h
testmxlookup_LDADD = stsd/libkeeper.a libs/sts/libsts.a libs/smtp/libsmtp.a libs/tls/libtls.a libs/dns/libdns.a \
	libs/unicode/libunicode.a $(SERVICE_LIBS) $(UNBOUND_LIBS) $(CURL_LIBS) $(OPENSSL_LIBS) \
	$(IDN2_LIBS) $(UNISTRING_LIBS)

esmtp_pure = esmtp/libesmtp.a libs/sts/libsts.a libs/smtp/libsmtp.a libs/rfc822/librfc822.a \
	libs/unicode/libunicode.a libs/base/libbase.a $(IDN2_LIBS) $(UNISTRING_LIBS)
if HAVE_CMOCKA
check_PROGRAMS += tests/unit/esmtp-terms
tests_unit_esmtp_terms_SOURCES = tests/unit/esmtp-terms.c
tests_unit_esmtp_terms_LDADD = $(esmtp_pure) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/esmtp
tests_unit_esmtp_SOURCES = tests/unit/esmtp.c
tests_unit_esmtp_LDADD = $(esmtp_pure) $(CMOCKA_LIBS)
endif

fuzz_programs += tests/fuzz/fuzz-smtp-reply tests/fuzz/fuzz-esmtproutes
tests_fuzz_fuzz_smtp_reply_SOURCES = tests/fuzz/fuzz-smtp-reply.c
tests_fuzz_fuzz_smtp_reply_LDADD = $(esmtp_pure)
tests_fuzz_fuzz_smtp_reply_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_esmtproutes_SOURCES = tests/fuzz/fuzz-esmtproutes.c
tests_fuzz_fuzz_esmtproutes_LDADD = $(esmtp_pure)
tests_fuzz_fuzz_esmtproutes_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)

noinst_PROGRAMS += tests/tools/module-driver
tests_tools_module_driver_SOURCES = tests/tools/module-driver.c
tests_tools_module_driver_LDADD = libs/module/libmodule.a $(SERVICE_LIBS)

etc_files += etc/module.esmtp
dist_man_MANS += man/courieresmtp.8 man/esmtproutes.5 man/esmtpauthclient.5 man/testmxlookup.1
