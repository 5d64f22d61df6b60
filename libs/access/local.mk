# libs/access: what a client's address decides (smtpaccess); pure.
noinst_LIBRARIES += libs/access/libaccess.a
libs_access_libaccess_a_SOURCES = libs/access/access.h libs/access/address.c libs/access/text.c libs/access/memory.c
