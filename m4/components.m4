# Components that can be left out.
AC_DEFUN([COURIER_COMPONENT], [
	AC_ARG_ENABLE([$1], [AS_HELP_STRING([--disable-$1], [leave out $3])], [], [enable_$1=yes])
	AM_CONDITIONAL([$2], [test "x$enable_$1" = xyes])
	AS_IF([test "x$enable_$1" = xyes], [AC_DEFINE([ENABLE_$2], [1], [$3 is built])])
])
# Parts that this version does not have: leaving them out is what happens; asking for one is an error.
AC_DEFUN([COURIER_ABSENT], [
	AC_ARG_WITH([$1], [AS_HELP_STRING([--without-$1], [$2 are not there yet: accepted, changes nothing])],
		[AS_IF([test "x$withval" != xno], [AC_MSG_ERROR([$2 are not there yet; leave --with-$1 out])])])
])
# Aliases in a directory (ldapaliasd).
AC_DEFUN([COURIER_LDAP], [
	AC_ARG_WITH([ldap], [AS_HELP_STRING([--without-ldap], [leave out LDAP])], [], [with_ldap=yes])
	LDAP_LIBS=
	AS_IF([test "x$with_ldap" != xno], [
		AC_CHECK_HEADER([ldap.h], [], [AC_MSG_ERROR([libldap is missing; run ./deps or give --without-ldap])])
		AC_DEFINE([ENABLE_LDAP], [1], [LDAP is built])
		LDAP_LIBS='-lldap -llber'
	])
	AM_CONDITIONAL([LDAP], [test "x$with_ldap" != xno])
	AC_SUBST([LDAP_LIBS])
])
AC_DEFUN([COURIER_COMPONENTS], [
	COURIER_ABSENT([mysql], [accounts in MySQL])
	COURIER_ABSENT([pgsql], [accounts in PostgreSQL])
	COURIER_ABSENT([sqlite], [accounts in SQLite])
	COURIER_LDAP
	COURIER_COMPONENT([imapd], [IMAPD], [the IMAP server])
	COURIER_COMPONENT([pop3d], [POP3D], [the POP3 server])
	COURIER_COMPONENT([fax], [FAX], [mail to fax numbers])
	COURIER_COMPONENT([uucp], [UUCP], [mail over UUCP])
	COURIER_COMPONENT([esmtpd], [ESMTPD], [the ESMTP server])
])
