# libs/auth: the client of authdaemond.
noinst_LIBRARIES += libs/auth/libauth.a
libs_auth_libauth_a_SOURCES = \
	libs/auth/auth.h libs/auth/auth-proto.h libs/auth/auth-text.h \
	libs/auth/proto.c libs/auth/settings.c libs/auth/client.c libs/auth/text-client.c
