# The broker: starts sessions and workers as the owners of mailboxes.
noinst_LIBRARIES += courierd/libbroker-core.a
courierd_libbroker_core_a_SOURCES = courierd/broker.h courierd/broker-policy.c courierd/broker-spawn.c

pkglibexec_PROGRAMS += courierbroker
courierbroker_SOURCES = courierd/broker-main.c courierd/broker-peer.c courierd/broker-children.c \
	courierd/broker-start.c courierd/broker-look.c courierd/broker-home.c \
	courierd/broker-filter.c
courierbroker_LDADD = courierd/libbroker-core.a local/libworkerproto.a libs/broker/libbroker.a \
	libs/auth/libauth.a $(SERVICE_LIBS)

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/broker tests/unit/home-copy
tests_unit_home_copy_SOURCES = tests/unit/home-copy.c tests/lib/failsys.c tests/lib/failsys.h
tests_unit_home_copy_LDADD = libs/auth/libauth.a libs/base/libbase.a $(CMOCKA_LIBS) -ldl
tests_unit_broker_SOURCES = tests/unit/broker.c
tests_unit_broker_LDADD = courierd/libbroker-core.a libs/base/libbase.a $(CMOCKA_LIBS)
endif

dist_man_MANS += man/courierbroker.8
