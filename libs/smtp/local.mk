# libs/smtp: the words of SMTP, pure. Above libs/rfc822.
noinst_LIBRARIES += libs/smtp/libsmtp.a
libs_smtp_libsmtp_a_SOURCES = \
	libs/smtp/smtp.h \
	libs/smtp/command.c \
	libs/smtp/param.c \
	libs/smtp/line.c \
	libs/smtp/data.c \
	libs/smtp/reply.c libs/smtp/reply.h

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/smtp
tests_unit_smtp_SOURCES = tests/unit/smtp.c
tests_unit_smtp_LDADD = libs/smtp/libsmtp.a libs/base/libbase.a $(CMOCKA_LIBS)
endif
