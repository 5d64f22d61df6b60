# stsd: the process that keeps MTA-STS policies.
noinst_LIBRARIES += stsd/libkeeper.a
stsd_libkeeper_a_SOURCES = stsd/keeper.h stsd/ask.c stsd/box.c stsd/upkeep.c stsd/sts-proto.h \
	stsd/fetcher.c stsd/sts-settings.c stsd/sts-settings.h
pkglibexec_PROGRAMS += couriersts
couriersts_SOURCES = stsd/main.c
couriersts_LDADD = stsd/libkeeper.a libs/sts/libsts.a libs/smtp/libsmtp.a libs/tls/libtls.a libs/dns/libdns.a \
	libs/unicode/libunicode.a $(SERVICE_LIBS) $(UNBOUND_LIBS) $(CURL_LIBS) $(OPENSSL_LIBS) \
	$(IDN2_LIBS) $(UNISTRING_LIBS)
dist_man_MANS += man/couriersts.8
