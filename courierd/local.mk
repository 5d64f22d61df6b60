# courierd: supervisor and the administrator's command.
sbin_PROGRAMS += courierd/courierd
courierd_courierd_SOURCES = courierd/supervisor.c courierd/supervisor.h courierd/process.c \
	courierd/edges.c courierd/listeners.c courierd/at-once.c courierd/clock-step.c courierd/admin.c courierd/parts.c courierd/roles.c courierd/roles.h \
	courierd/supervisor-settings.c courierd/watchdog.c ldapaliasd/ldapaliasrc.c ldapaliasd/ldapaliasrc.h
courierd_courierd_LDADD = libs/module/libmodule.a libs/auth/libauth.a $(SERVICE_LIBS)

sbin_PROGRAMS += courierd/courier
courierd_courier_SOURCES = courierd/courier.c courierd/courier.h courierd/ask.c \
	courierd/cmd-start.c courierd/cmd-status.c courierd/cmd-check.c courierd/check-readable.c \
	courierd/check-readable.h courierd/check-accounts.c courierd/check-accounts.h courierd/check-shared.c courierd/check-shared.h courierd/cmd-security.c \
	courierd/cmd-queue.c courierd/cmd-import.c courierd/import-convert.c courierd/import.h \
	courierd/cmd-mtaconfig.c courierd/cmd-sysconftool.c courierd/sysconf.c courierd/sysconf.h courierd/cmd-init.c courierd/init.h courierd/init-folders.c \
	courierd/init-ports.c courierd/init-config.c courierd/init-tables.c courierd/init-accounts.c \
	courierd/system-users.c courierd/every-settings.c courierd/sched-settings.c courierd/roles.c \
	courierd/supervisor-settings.c courierd/broker-policy.c ldapaliasd/ldapaliasrc.c \
	ldapaliasd/ldapaliasrc.h local/local-settings.c libs/filter/drop-settings.c imapd/settings.c \
	esmtpd/settings.c login/login-settings.c login/back-tls.c pop3d/pop3-settings.c \
	filters/filter-settings.c filters/verifyfilter-settings.c
courierd_courier_LDADD = authdb/libauthdbrc.a libs/queue/libqueue.a submit/libsubmit.a libs/access/libaccess.a libs/spf/libspf.a libs/dns/libdns.a \
	libs/rfc822/librfc822.a libs/unicode/libunicode.a libs/table/libtable.a uucp/libuucp.a fax/libfax.a \
	stsd/libkeeper.a esmtp/libesmtp.a libs/smtp/libsmtp.a dsn/libdsn.a libs/tls/libtls.a libs/auth/libauth.a \
	libs/maildir/libmaildir.a libs/module/libmodule.a \
	$(SERVICE_LIBS) $(SASL_LDADD) $(OPENSSL_LIBS) $(EVENT_LIBS) $(IDN2_LIBS) $(UNISTRING_LIBS) $(DB_LIBS)

# sbin/imapd start and kin: names under which the command is called
courier_faces =
if ESMTPD
courier_faces += esmtpd esmtpd-msa esmtpd-ssl
endif
if IMAPD
courier_faces += imapd imapd-ssl
endif
if POP3D
courier_faces += pop3d pop3d-ssl
endif
# programs that are the command under another name
courier_faces += authdaemond courier-mtaconfig sysconftool
install-courier-faces:
	$(AM_V_at)$(MKDIR_P) $(DESTDIR)$(sbindir) $(DESTDIR)$(bindir) $(DESTDIR)$(pkglibexec)
	$(AM_V_at)for f in $(DESTDIR)$(bindir)/courier-config $(DESTDIR)$(pkglibexec)/courierctl.start; do \
		rm -f $$f && $(LN_S) $(sbindir)/courier $$f || exit 1; done
	$(AM_V_at)for f in $(courier_faces); do \
		rm -f $(DESTDIR)$(sbindir)/$$f && $(LN_S) courier $(DESTDIR)$(sbindir)/$$f || exit 1; done
uninstall-courier-faces:
	for f in $(courier_faces); do rm -f $(DESTDIR)$(sbindir)/$$f; done
	rm -f $(DESTDIR)$(bindir)/courier-config $(DESTDIR)$(pkglibexec)/courierctl.start
.PHONY: install-courier-faces uninstall-courier-faces
INSTALL_DATA_HOOKS += install-courier-faces
UNINSTALL_HOOKS += uninstall-courier-faces

bin_PROGRAMS += courierd/addcr
courierd_addcr_SOURCES = courierd/addcr.c
dist_man_MANS += man/addcr.1 man/courier-config.1 man/courier-mtaconfig.8 man/courierctl.start.8 man/sysconftool.8

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/courier-tools
tests_unit_courier_tools_SOURCES = tests/unit/courier-tools.c courierd/import-convert.c courierd/sysconf.c
tests_unit_courier_tools_LDADD = libs/queue/libqueue.a libs/event/libevent.a libs/base/libbase.a \
	$(EVENT_LIBS) $(CMOCKA_LIBS)
endif

include courierd/broker.mk
include courierd/key.mk
include courierd/sched.mk
