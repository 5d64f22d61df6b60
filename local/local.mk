# local: delivery to mailboxes, programs and forwards of this host.
noinst_LIBRARIES += local/libworkerproto.a local/libworker.a
local_libworkerproto_a_SOURCES = \
	local/worker-proto.c local/worker-proto.h \
	local/local-settings.c local/local-settings.h
# All of the worker but its main, for tests.
local_libworker_a_SOURCES = \
	local/worker.h \
	local/dot-courier.c local/dot-courier.h local/dot-find.c \
	local/worker-message.c local/worker-maildir.c local/worker-place.c local/worker-mbox.c \
	local/worker-warning.c local/worker-drop.c local/worker-drop-command.c local/worker-drop.h \
	local/worker-program.c local/worker-filter.c local/worker-env.c local/worker-run.c \
	local/forward-file.c local/forward-file.h
worker_libs = local/libworker.a local/libworkerproto.a libs/broker/libbroker.a \
	libs/ipc/libipc.a libs/event/libevent.a $(drop_libs) $(EVENT_LIBS)

pkglibexec_PROGRAMS += courierlocal courierlocal-worker
courierlocal_SOURCES = local/local.h local/local-main.c local/local-pool.c local/pool-own.c local/pool-private.h local/local-sync.c local/local-forward.c
courierlocal_LDADD = local/libworkerproto.a libs/module/libmodule.a libs/gate/libgate.a \
	libs/broker/libbroker.a $(SERVICE_LIBS)
courierlocal_worker_SOURCES = local/worker-main.c
courierlocal_worker_LDADD = $(worker_libs)

noinst_PROGRAMS += tests/tools/worker-ask
tests_tools_worker_ask_SOURCES = tests/tools/worker-ask.c tests/lib/worker-edge.c tests/lib/worker-edge.h
tests_tools_worker_ask_LDADD = local/libworkerproto.a libs/broker/libbroker.a libs/ipc/libipc.a \
	libs/event/libevent.a libs/config/libconfig.a libs/base/libbase.a $(EVENT_LIBS)

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/local tests/unit/local-worker tests/unit/local-rules tests/unit/local-crash tests/unit/local-drop \
	tests/unit/forward-file
tests_unit_forward_file_SOURCES = tests/unit/forward-file.c
tests_unit_forward_file_LDADD = $(local_dotforward_LDADD) $(CMOCKA_LIBS)
tests_unit_local_SOURCES = tests/unit/local.c
tests_unit_local_LDADD = $(worker_libs) $(CMOCKA_LIBS)
local_bench = tests/unit/local-bench.c tests/unit/local-bench.h tests/lib/worker-edge.c tests/lib/worker-edge.h
tests_unit_local_worker_SOURCES = tests/unit/local-worker.c $(local_bench)
tests_unit_local_worker_LDADD = $(worker_libs) $(CMOCKA_LIBS)
tests_unit_local_rules_SOURCES = tests/unit/local-rules.c $(local_bench)
tests_unit_local_drop_SOURCES = tests/unit/local-drop.c $(local_bench)
tests_unit_local_drop_LDADD = $(worker_libs) $(CMOCKA_LIBS)
tests_unit_local_rules_LDADD = $(worker_libs) $(CMOCKA_LIBS)
tests_unit_local_crash_SOURCES = tests/unit/local-crash.c tests/lib/failsys.c tests/lib/failsys.h
tests_unit_local_crash_LDADD = $(worker_libs) $(CMOCKA_LIBS) -ldl
endif

fuzz_programs += tests/fuzz/fuzz-dot-courier tests/fuzz/fuzz-local-worker tests/fuzz/fuzz-forward-file \
	tests/fuzz/fuzz-drop-command
tests_fuzz_fuzz_drop_command_SOURCES = tests/fuzz/fuzz-drop-command.c
tests_fuzz_fuzz_drop_command_LDADD = $(worker_libs)
tests_fuzz_fuzz_drop_command_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_forward_file_SOURCES = tests/fuzz/fuzz-forward-file.c
tests_fuzz_fuzz_forward_file_LDADD = $(local_dotforward_LDADD)
tests_fuzz_fuzz_forward_file_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_dot_courier_SOURCES = tests/fuzz/fuzz-dot-courier.c
tests_fuzz_fuzz_dot_courier_LDADD = local/libworker.a libs/base/libbase.a
tests_fuzz_fuzz_dot_courier_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_local_worker_SOURCES = tests/fuzz/fuzz-local-worker.c
tests_fuzz_fuzz_local_worker_LDADD = $(worker_libs)
tests_fuzz_fuzz_local_worker_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)

bin_PROGRAMS += local/preline local/dotforward
local_preline_SOURCES = local/preline.c
local_preline_LDADD = libs/base/libbase.a
local_dotforward_SOURCES = local/dotforward.c
local_dotforward_LDADD = local/libworker.a libs/rfc822/librfc822.a libs/base/libbase.a

dist_man_MANS += man/preline.1 man/dotforward.1 man/dot-courier.5 man/courierlocal.8 man/courierlocal-worker.8
