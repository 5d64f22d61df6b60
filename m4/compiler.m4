# C17, warnings, hardening; switches for the builds that only developers and CI make.
AC_DEFUN([COURIER_FLAG], [
	AC_MSG_CHECKING([whether $CC takes $2])
	courier_save=$CFLAGS
	CFLAGS="$CFLAGS -Werror $2"
	AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])],
		[AC_MSG_RESULT([yes]); $1="$$1 $2"], [AC_MSG_RESULT([no])])
	CFLAGS=$courier_save
])
AC_DEFUN([COURIER_COMPILER], [
	WARN_CFLAGS=
	HARDEN_CFLAGS=
	HARDEN_LDFLAGS=
	for f in -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
		-Wwrite-strings -Wformat=2 -Wundef -Wvla -Wno-unused-parameter \
		-Wimplicit-fallthrough -Wold-style-definition; do
		COURIER_FLAG([WARN_CFLAGS], [$f])
	done
	AC_ARG_ENABLE([werror], [AS_HELP_STRING([--enable-werror], [warnings are errors])],
		[AS_IF([test "x$enableval" = xyes], [WARN_CFLAGS="$WARN_CFLAGS -Werror"])])
	AC_ARG_ENABLE([sanitizers], [AS_HELP_STRING([--enable-sanitizers],
		[build with the address and undefined-behaviour sanitizers])], [], [enable_sanitizers=no])
	AC_ARG_ENABLE([fuzz], [AS_HELP_STRING([--enable-fuzz], [build the fuzz targets (clang)])],
		[], [enable_fuzz=no])
	AS_IF([test "x$enable_sanitizers" = xyes || test "x$enable_fuzz" = xyes], [
		HARDEN_CFLAGS="-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer"
		HARDEN_LDFLAGS="-fsanitize=address,undefined"
		AC_DEFINE([COURIER_SANITIZED], [1], [exact allocations, so that the sanitizers see every overrun])
	], [
		for f in -fstack-protector-strong -fstack-clash-protection -fcf-protection \
			-D_FORTIFY_SOURCE=2; do
			COURIER_FLAG([HARDEN_CFLAGS], [$f])
		done
		for f in -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack; do
			COURIER_FLAG([HARDEN_LDFLAGS], [$f])
		done
	])
	HARDEN_CFLAGS="$HARDEN_CFLAGS -fPIE"
	HARDEN_LDFLAGS="$HARDEN_LDFLAGS -pie"
	AS_IF([test "x$enable_fuzz" = xyes], [
		HARDEN_CFLAGS="$HARDEN_CFLAGS -fsanitize=fuzzer-no-link"
		FUZZ_LDFLAGS="-fsanitize=fuzzer"
	])
	AM_CONDITIONAL([FUZZ], [test "x$enable_fuzz" = xyes])
	AC_SUBST([WARN_CFLAGS])
	AC_SUBST([HARDEN_CFLAGS])
	AC_SUBST([HARDEN_LDFLAGS])
	AC_SUBST([FUZZ_LDFLAGS])
])
