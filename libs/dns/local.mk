# libs/dns: asynchronous look-ups over libunbound. Uses base, unicode, event, config (instance.h).
noinst_LIBRARIES += libs/dns/libdns.a
libs_dns_libdns_a_SOURCES = \
	libs/dns/dns.h libs/dns/dns-private.h \
	libs/dns/rdata.c libs/dns/rdata.h \
	libs/dns/resolver.c libs/dns/query.c libs/dns/mx.c libs/dns/reverse.c
