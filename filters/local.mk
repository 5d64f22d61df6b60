# filters: the keeper of global mail filters, and its commands.
pkglibexec_PROGRAMS += courierfilterd
courierfilterd_SOURCES = filters/courierfilterd.c filters/courierfilterd.h \
	filters/courierfilter-child.c filters/courierfilter-log.c
courierfilterd_LDADD = $(SERVICE_LIBS)

sbin_PROGRAMS += courierfilter filterctl
filter_ask_sources = filters/courierfilter-ask.c filters/courierfilter-ask.h \
	courierd/ask.c courierd/courier.h
courierfilter_SOURCES = filters/courierfilter.c $(filter_ask_sources)
courierfilter_LDADD = libs/config/libconfig.a libs/base/libbase.a
filterctl_SOURCES = filters/filterctl.c $(filter_ask_sources)
filterctl_LDADD = libs/config/libconfig.a libs/base/libbase.a

dist_man_MANS += man/courierfilter.8 man/courierfilterd.8 man/filterctl.8 man/localmailfilter.7
