# libs/service: the skeleton of every daemon.
noinst_LIBRARIES += libs/service/libservice.a
libs_service_libservice_a_SOURCES = \
	libs/service/service.h libs/service/service-private.h libs/service/control-proto.h \
	libs/service/service.c libs/service/service-control.c libs/service/service-link.c \
	libs/service/service-privs.c libs/service/listening.c libs/service/listening.h libs/service/title.c libs/service/title.h

# What a service links: its own libraries first, then these.
SERVICE_LIBS = libs/service/libservice.a libs/ipc/libipc.a libs/event/libevent.a \
	libs/config/libconfig.a libs/base/libbase.a $(EVENT_LIBS)
