# libs/module: the edge between scheduler and transport modules.
noinst_LIBRARIES += libs/module/libmodule.a
libs_module_libmodule_a_SOURCES = \
	libs/module/module.h libs/module/module-proto.h libs/module/module-body.h \
	libs/module/module-file.h libs/module/module-file.c libs/module/module-words.c libs/module/module-lines.h \
	libs/module/module-claim.h libs/module/module-claim.c \
	libs/module/module-program.h libs/module/module-program.c libs/module/module-encode.c libs/module/module-decode.c \
	libs/module/module-body.c libs/module/module-main.c

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/module
tests_unit_module_SOURCES = tests/unit/module.c
tests_unit_module_LDADD = libs/module/libmodule.a libs/base/libbase.a $(CMOCKA_LIBS)
endif

fuzz_programs += tests/fuzz/fuzz-module-proto
tests_fuzz_fuzz_module_proto_SOURCES = tests/fuzz/fuzz-module-proto.c
tests_fuzz_fuzz_module_proto_LDADD = libs/module/libmodule.a libs/base/libbase.a
tests_fuzz_fuzz_module_proto_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)

# a module as an administrator might write one
noinst_PROGRAMS += tests/tools/toy-module
tests_tools_toy_module_SOURCES = tests/tools/toy-module.c
tests_tools_toy_module_LDADD = libs/module/libmodule.a $(SERVICE_LIBS)
