# libs/config: instances and settings.
noinst_LIBRARIES += libs/config/libconfig.a
libs_config_libconfig_a_SOURCES = \
	libs/config/config.h libs/config/config-private.h libs/config/instance.h \
	libs/config/instance.c libs/config/config-parse.c libs/config/config-values.c \
	libs/config/config-load.c libs/config/config-get.c libs/config/config-faults.c \
	libs/config/identity.c libs/config/folder.h libs/config/folder.c

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/config
tests_unit_config_SOURCES = tests/unit/config.c
tests_unit_config_LDADD = libs/config/libconfig.a libs/base/libbase.a $(CMOCKA_LIBS)
endif

fuzz_programs += tests/fuzz/fuzz-config
tests_fuzz_fuzz_config_SOURCES = tests/fuzz/fuzz-config.c
tests_fuzz_fuzz_config_LDADD = libs/config/libconfig.a libs/base/libbase.a
tests_fuzz_fuzz_config_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
