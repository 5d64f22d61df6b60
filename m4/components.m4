# Components that can be left out.
AC_DEFUN([COURIER_COMPONENT], [
	AC_ARG_ENABLE([$1], [AS_HELP_STRING([--disable-$1], [leave out $3])], [], [enable_$1=yes])
	AM_CONDITIONAL([$2], [test "x$enable_$1" = xyes])
	AS_IF([test "x$enable_$1" = xyes], [AC_DEFINE([ENABLE_$2], [1], [$3 is built])])
])
AC_DEFUN([COURIER_COMPONENTS], [
	COURIER_COMPONENT([imapd], [IMAPD], [the IMAP server])
	COURIER_COMPONENT([pop3d], [POP3D], [the POP3 server])
	COURIER_COMPONENT([esmtpd], [ESMTPD], [the ESMTP server])
])
