# The scheduler. Its core is a library of its own, so that tests can run it without a clock.
noinst_LIBRARIES += courierd/libsched.a
courierd_libsched_a_SOURCES = courierd/sched.h courierd/sched-core.c courierd/sched-message.c \
	courierd/sched-recipient.c courierd/sched-owed.c courierd/sched-result.c courierd/sched-dest.c courierd/sched-module.c \
	courierd/sched-park.c courierd/sched-retry.c courierd/sched-clock.c courierd/sched-dsn.c courierd/sched-index.c courierd/sched-ask.c \
	courierd/track.h courierd/track.c

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/sched tests/unit/sched-sim tests/unit/sched-fair tests/unit/sched-owed tests/unit/track
tests_unit_sched_owed_SOURCES = tests/unit/sched-owed.c
tests_unit_sched_owed_LDADD = courierd/libsched.a dsn/libdsnhistory.a libs/queue/libqueue.a libs/event/libevent.a \
	libs/base/libbase.a $(EVENT_LIBS) $(CMOCKA_LIBS)
tests_unit_track_SOURCES = tests/unit/track.c
tests_unit_track_LDADD = courierd/libsched.a libs/base/libbase.a $(CMOCKA_LIBS)
tests_unit_sched_sim_SOURCES = tests/unit/sched-sim.c
tests_unit_sched_sim_LDADD = $(tests_unit_sched_LDADD)
tests_unit_sched_fair_SOURCES = tests/unit/sched-fair.c
tests_unit_sched_fair_LDADD = $(tests_unit_sched_LDADD)
tests_unit_sched_SOURCES = tests/unit/sched.c
tests_unit_sched_LDADD = courierd/libsched.a dsn/libdsnhistory.a libs/queue/libqueue.a libs/event/libevent.a \
	libs/base/libbase.a $(EVENT_LIBS) $(CMOCKA_LIBS)
endif

noinst_PROGRAMS += tests/tools/queue-fill
tests_tools_queue_fill_SOURCES = tests/tools/queue-fill.c
tests_tools_queue_fill_LDADD = libs/queue/libqueue.a libs/event/libevent.a libs/base/libbase.a $(EVENT_LIBS)

pkglibexec_PROGRAMS += courierd/couriersched
courierd_couriersched_SOURCES = courierd/sched-main.c courierd/sched-main.h courierd/sched-settings.c \
	courierd/sched-settings.h courierd/sched-modules.c courierd/sched-gate.c courierd/sched-gate-commit.c courierd/sched-gate.h courierd/sched-show.c courierd/sched-show.h courierd/sched-link.c \
	courierd/sched-control.c courierd/sched-control.h courierd/sched-archive.c
courierd_couriersched_LDADD = courierd/libsched.a dsn/libdsnhistory.a libs/queue/libqueue.a \
	libs/module/libmodule.a libs/rfc822/librfc822.a $(SERVICE_LIBS)
dist_man_MANS += man/couriersched.8 man/courier-queue.5 man/courier-module.5
