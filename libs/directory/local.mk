if LDAP
noinst_LIBRARIES += libs/directory/libdirectory.a
libs_directory_libdirectory_a_SOURCES = libs/directory/connect.c libs/directory/escape.c \
	libs/directory/directory.h
endif
