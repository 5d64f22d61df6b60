# libs/smtp: the words of SMTP, pure. Above libs/rfc822.
noinst_LIBRARIES += libs/smtp/libsmtp.a
libs_smtp_libsmtp_a_SOURCES = \
	libs/smtp/smtp.h \
	libs/smtp/command.c \
	libs/smtp/param.c \
	libs/smtp/line.c \
	libs/smtp/data.c \
	libs/smtp/reply.c libs/smtp/reply.h
