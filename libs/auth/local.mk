# libs/auth: the client of authdaemond.
noinst_LIBRARIES += libs/auth/libauth.a
libs_auth_libauth_a_SOURCES = \
	libs/auth/auth.h libs/auth/auth-proto.h libs/auth/auth-text.h \
	libs/auth/proto.c libs/auth/settings.c libs/auth/client.c libs/auth/text-client.c \
	libs/auth/home-copy.c libs/auth/home-copy.h

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/auth-client
tests_unit_auth_client_SOURCES = tests/unit/auth-client.c
tests_unit_auth_client_LDADD = libs/auth/libauth.a libs/ipc/libipc.a libs/event/libevent.a \
	libs/config/libconfig.a libs/base/libbase.a $(EVENT_LIBS) $(CMOCKA_LIBS)
endif
