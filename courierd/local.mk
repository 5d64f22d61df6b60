# courierd: supervisor and the administrator's command.
sbin_PROGRAMS += courierd/courierd
courierd_courierd_SOURCES = courierd/supervisor.c courierd/supervisor.h courierd/process.c \
	courierd/edges.c courierd/listeners.c courierd/admin.c courierd/roles.c courierd/roles.h \
	courierd/supervisor-settings.c
courierd_courierd_LDADD = $(SERVICE_LIBS)

include courierd/broker.mk
include courierd/key.mk
