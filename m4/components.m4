# Components that can be left out.
AC_DEFUN([COURIER_COMPONENT], [
	AC_ARG_ENABLE([$1], [AS_HELP_STRING([--disable-$1], [leave out $3])], [], [enable_$1=yes])
	AM_CONDITIONAL([$2], [test "x$enable_$1" = xyes])
	AS_IF([test "x$enable_$1" = xyes], [AC_DEFINE([ENABLE_$2], [1], [$3 is built])])
])
# Accounts in a database: built when its library is there, unless told.
AC_DEFUN([COURIER_ACCOUNTS], [
	AC_ARG_WITH([$1], [AS_HELP_STRING([--without-$1], [leave out accounts in $4 [built when $3 is there]])],
		[], [with_$1=auto])
	have_$1=no
	AS_IF([test "x$with_$1" != xno], [
		PKG_CHECK_MODULES([$2], [$3], [have_$1=yes], [
			AS_IF([test "x$with_$1" != xauto], [AC_MSG_ERROR([$3 is missing; run ./deps or leave --with-$1 out])])
		])
	])
	AS_IF([test "x$have_$1" = xyes], [AC_DEFINE([ENABLE_$2], [1], [accounts in $4 are built])])
	AM_CONDITIONAL([$2], [test "x$have_$1" = xyes])
])
# Aliases and accounts in a directory (ldapaliasd, authdb).
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
	COURIER_ACCOUNTS([mysql], [MYSQL], [libmariadb], [MySQL])
	COURIER_ACCOUNTS([pgsql], [PGSQL], [libpq], [PostgreSQL])
	COURIER_ACCOUNTS([sqlite], [SQLITE], [sqlite3], [SQLite])
	COURIER_LDAP
	COURIER_COMPONENT([imapd], [IMAPD], [the IMAP server])
	COURIER_COMPONENT([pop3d], [POP3D], [the POP3 server])
	COURIER_COMPONENT([fax], [FAX], [mail to fax numbers])
	COURIER_COMPONENT([uucp], [UUCP], [mail over UUCP])
	COURIER_COMPONENT([esmtpd], [ESMTPD], [the ESMTP server])
])
