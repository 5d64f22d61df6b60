# The libraries the suite stands on.  A missing one is named with what to install.
AC_DEFUN([COURIER_NEED], [
	PKG_CHECK_MODULES([$1], [$2], [], [AC_MSG_ERROR([$2 is missing; run ./deps])])
])
AC_DEFUN([COURIER_LIBRARIES], [
	COURIER_NEED([OPENSSL], [openssl >= 3.0])
	COURIER_NEED([EVENT], [libevent_core])
	COURIER_NEED([IDN2], [libidn2])
	COURIER_NEED([UNBOUND], [libunbound])
	COURIER_NEED([CURL], [libcurl >= 7.85])
	COURIER_NEED([ARGON2], [libargon2])
	COURIER_NEED([PCRE2], [libpcre2-8])
	PKG_CHECK_MODULES([CMOCKA], [cmocka], [have_cmocka=yes], [have_cmocka=no])
	AM_CONDITIONAL([HAVE_CMOCKA], [test "x$have_cmocka" = xyes])
	AC_CHECK_HEADER([unistr.h], [], [AC_MSG_ERROR([libunistring is missing; run ./deps])])
	AC_CHECK_HEADER([db.h], [], [AC_MSG_ERROR([Berkeley DB is missing; run ./deps])])
	AC_CHECK_HEADER([crypt.h], [], [AC_MSG_ERROR([libcrypt is missing; run ./deps])])
	UNISTRING_LIBS=-lunistring
	DB_LIBS=-ldb
	CRYPT_LIBS=-lcrypt
	AC_ARG_WITH([pam], [AS_HELP_STRING([--without-pam], [no PAM accounts])], [], [with_pam=yes])
	PAM_LIBS=
	AS_IF([test "x$with_pam" != xno], [
		AC_CHECK_HEADER([security/pam_appl.h], [
			AC_DEFINE([HAVE_PAM], [1], [accounts from PAM])
			PAM_LIBS=-lpam
		], [AC_MSG_ERROR([PAM is missing; run ./deps or give --without-pam])])
	])
	AC_ARG_WITH([perl], [AS_HELP_STRING([--without-perl], [no perlfilter, which runs Perl scripts])], [], [with_perl=yes])
	PERL_EMBED_CFLAGS=
	PERL_EMBED_LIBS=
	AS_IF([test "x$with_perl" != xno], [
		PERL_EMBED_CFLAGS=`$PERL -MConfig -e 'print "-isystem $Config{archlibexp}/CORE $Config{ccflags}"' 2>/dev/null |
			sed 's/-fstack-protector[[^ ]]*//g; s/-D_FILE_OFFSET_BITS=64//g; s/-D_LARGEFILE_SOURCE//g'`
		PERL_EMBED_LIBS=`$PERL -MExtUtils::Embed -e ldopts 2>/dev/null`
		courier_save_cflags=$CFLAGS
		courier_save_libs=$LIBS
		CFLAGS="$CFLAGS $PERL_EMBED_CFLAGS"
		LIBS="$PERL_EMBED_LIBS $LIBS"
		AC_MSG_CHECKING([for an embedded Perl])
		AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <EXTERN.h>
#include <perl.h>]], [[PerlInterpreter *p = perl_alloc(); (void)p;]])],
			[AC_MSG_RESULT([yes])], [AC_MSG_ERROR([libperl is missing; run ./deps or give --without-perl])])
		CFLAGS=$courier_save_cflags
		LIBS=$courier_save_libs
	])
	AM_CONDITIONAL([EMBED_PERL], [test "x$with_perl" != xno])
	AC_SUBST([PERL_EMBED_CFLAGS])
	AC_SUBST([PERL_EMBED_LIBS])
	AM_CONDITIONAL([PAM], [test "x$with_pam" != xno])
	AC_SUBST([UNISTRING_LIBS])
	AC_SUBST([DB_LIBS])
	AC_SUBST([CRYPT_LIBS])
	AC_SUBST([PAM_LIBS])
	AC_CHECK_FUNCS([accept4 closefrom close_range explicit_bzero fallocate posix_fallocate memfd_create syncfs sendmmsg])
	AC_CHECK_HEADERS([sys/capability.h linux/landlock.h sys/prctl.h sys/inotify.h])
])
