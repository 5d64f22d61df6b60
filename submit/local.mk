# submit: the gate, the one way into the queue, and its command-line faces.
noinst_LIBRARIES += submit/libsubmit.a
submit_libsubmit_a_SOURCES = \
	submit/domains.h submit/domains.c submit/claims.h submit/claims.c \
	submit/address.h submit/address.c \
	submit/aliases.h submit/aliases-text.c submit/aliases-expand.c submit/aliases-lookup.c \
	submit/alias-source.h submit/alias-source.c submit/alias-table.h submit/alias-table.c \
	submit/header.h submit/header.c \
	submit/replies.h submit/replies.c \
	submit/decide.h submit/decide.c \
	submit/bofh.h submit/bofh-text.c submit/bofh-options.c submit/bofh-decide.c \
	submit/drop.h submit/drop.c submit/rmail.h submit/rmail-from.c \
	submit/submit.h submit/submit-lines.c \
	submit/authsenders.h submit/authsenders.c \
	submit/settings.h submit/settings.c submit/names-load.c submit/policy.c submit/policy-doors.c

# What filters say and write; pure.
noinst_LIBRARIES += submit/libfilter-text.a
submit_libfilter_text_a_SOURCES = submit/filter-reply.c submit/filter-reply.h \
	submit/filter-control.c submit/filter-control.h submit/filter-results.c submit/filter-results.h

submit_pure_libs = submit/libsubmit.a libs/access/libaccess.a libs/spf/libspf.a libs/dns/libdns.a libs/rewrite/librewrite.a libs/mime/libmime.a \
	libs/rfc822/librfc822.a libs/unicode/libunicode.a libs/table/libtable.a \
	libs/gate/libgate.a libs/module/libmodule.a libs/config/libconfig.a libs/base/libbase.a \
	$(IDN2_LIBS) $(UNISTRING_LIBS) $(DB_LIBS)

pkglibexec_PROGRAMS += couriergate
couriergate_SOURCES = submit/gate-main.c submit/process.h \
	submit/edge.c submit/transaction.c submit/transaction.h submit/transaction-parts.h submit/transaction-auth.c \
	submit/transaction-client.c submit/transaction-mail.c submit/transaction-data.c submit/transaction-rcpt.c \
	submit/sender-own.c submit/sender-own.h submit/sender-check.c submit/sender-check.h submit/sender-spf.c \
	submit/client-lists.c submit/client-lists.h \
	submit/alias-find.c submit/alias-find.h submit/ldap-alias.c submit/ldap-alias.h \
	ldapaliasd/alias-proto.h \
	submit/commit.c submit/resolve.c submit/resolve.h submit/bang.c submit/bang.h submit/claim-ask.c submit/claim-ask.h \
	submit/spool.c submit/spool-finish.c submit/spool.h \
	submit/binary.c submit/binary.h \
	submit/pickup.c submit/pickup.h \
	submit/filter-run.c submit/filter-run.h submit/filter-rcpt.c submit/filter-content.c \
	submit/filter-sockets.c submit/filter-sockets.h submit/filter-files.c submit/filter-files.h
couriergate_LDADD = submit/libfilter-text.a submit/libsubmit.a libs/access/libaccess.a libs/spf/libspf.a libs/dns/libdns.a libs/rewrite/librewrite.a libs/mime/libmime.a \
	libs/rfc822/librfc822.a libs/unicode/libunicode.a libs/table/libtable.a \
	libs/gate/libgate.a libs/queue/libqueue.a libs/auth/libauth.a libs/broker/libbroker.a libs/module/libmodule.a \
	$(SERVICE_LIBS) $(UNBOUND_LIBS) $(IDN2_LIBS) $(UNISTRING_LIBS) $(DB_LIBS)

# The command-line faces.
bin_PROGRAMS += sendmail rmail mailq cancelmsg
sendmail_SOURCES = submit/sendmail-main.c submit/sendmail.h submit/sendmail-options.c \
	submit/sendmail-user.c submit/sendmail-compose.c submit/sendmail-send.c submit/sendmail-smtp.c
submit_client_libs = libs/smtp/libsmtp.a submit/libsubmit.a libs/access/libaccess.a libs/spf/libspf.a libs/dns/libdns.a libs/gate/libgate.a \
	libs/rewrite/librewrite.a libs/mime/libmime.a libs/rfc822/librfc822.a \
	libs/unicode/libunicode.a libs/table/libtable.a libs/module/libmodule.a $(SERVICE_LIBS) \
	$(IDN2_LIBS) $(UNISTRING_LIBS) $(DB_LIBS)
sendmail_LDADD = $(submit_client_libs)
pkglibexec_PROGRAMS += submit/submit
submit_submit_SOURCES = submit/submit-main.c submit/submit-run.c submit/sendmail.h submit/sendmail-send.c
submit_submit_LDADD = $(submit_client_libs)
rmail_SOURCES = submit/rmail-main.c submit/rmail.h submit/sendmail.h submit/sendmail-options.c \
	submit/sendmail-user.c submit/sendmail-compose.c submit/sendmail-send.c
rmail_LDADD = $(submit_client_libs)

mailq_SOURCES = submit/mailq-main.c courierd/ask.c courierd/courier.h
mailq_LDADD = libs/config/libconfig.a libs/base/libbase.a
cancelmsg_SOURCES = submit/cancelmsg-main.c courierd/ask.c courierd/courier.h
cancelmsg_LDADD = libs/config/libconfig.a libs/base/libbase.a

sbin_PROGRAMS += makealiases aliaslookup makesmtpaccess makesmtpaccess-msa makeimapaccess makehosteddomains makeacceptmailfor makepercentrelay
makealiases_SOURCES = submit/makealiases-main.c submit/tool.c submit/tool.h
makealiases_LDADD = $(submit_client_libs)
aliaslookup_SOURCES = submit/aliaslookup-main.c submit/tool.c submit/tool.h
aliaslookup_LDADD = $(submit_client_libs)
makesmtpaccess_SOURCES = submit/makesmtpaccess-main.c submit/tool.c submit/tool.h
makesmtpaccess_LDADD = $(submit_client_libs)
makeimapaccess_SOURCES = $(makesmtpaccess_SOURCES)
makeimapaccess_LDADD = $(submit_client_libs)
makesmtpaccess_msa_SOURCES = $(makesmtpaccess_SOURCES)
makesmtpaccess_msa_LDADD = $(submit_client_libs)
makehosteddomains_SOURCES = submit/makedomains-main.c submit/tool.c submit/tool.h
makehosteddomains_LDADD = $(submit_client_libs)
makeacceptmailfor_SOURCES = $(makehosteddomains_SOURCES)
makeacceptmailfor_LDADD = $(submit_client_libs)
makepercentrelay_SOURCES = $(makehosteddomains_SOURCES)
makepercentrelay_LDADD = $(submit_client_libs)

pkglibexec_PROGRAMS += aliasexp aliascombine aliascreate
aliasexp_SOURCES = submit/aliaspipe-main.c submit/tool.c submit/tool.h
aliasexp_LDADD = $(submit_client_libs)
aliascombine_SOURCES = $(aliasexp_SOURCES)
aliascombine_LDADD = $(submit_client_libs)
aliascreate_SOURCES = $(aliasexp_SOURCES)
aliascreate_LDADD = $(submit_client_libs)

# Aliases of other mail systems.
dist_sbin_SCRIPTS = submit/sendmail2aliases submit/qmail2aliases
dist_man_MANS += man/aliasexp.8 man/aliascombine.8 man/aliascreate.8 man/sendmail2aliases.8 \
	man/qmail2aliases.8 man/courier-names.5

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/submit-decide tests/unit/submit-text tests/unit/submit-filter tests/unit/claims \
	tests/unit/submit-bofh
tests_unit_submit_bofh_SOURCES = tests/unit/submit-bofh.c
tests_unit_submit_bofh_LDADD = $(submit_client_libs) $(CMOCKA_LIBS)
tests_unit_submit_filter_SOURCES = tests/unit/submit-filter.c
tests_unit_submit_filter_LDADD = submit/libfilter-text.a libs/queue/libqueue.a libs/base/libbase.a $(CMOCKA_LIBS)
tests_unit_claims_SOURCES = tests/unit/claims.c
tests_unit_claims_LDADD = $(submit_client_libs) $(CMOCKA_LIBS)
tests_unit_submit_decide_SOURCES = tests/unit/submit-decide.c
tests_unit_submit_decide_LDADD = $(submit_client_libs) $(CMOCKA_LIBS)
tests_unit_submit_text_SOURCES = tests/unit/submit-text.c
tests_unit_submit_text_LDADD = $(submit_client_libs) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/gate-edge tests/unit/authsenders
tests_unit_authsenders_SOURCES = tests/unit/authsenders.c
tests_unit_authsenders_LDADD = $(submit_client_libs) $(CMOCKA_LIBS)
tests_unit_gate_edge_SOURCES = tests/unit/gate-edge.c tests/unit/played.c tests/unit/played.h
tests_unit_gate_edge_LDADD = libs/gate/libgate.a libs/queue/libqueue.a libs/auth/libauth.a $(SERVICE_LIBS) $(CMOCKA_LIBS)
endif

# The names by which programs look for sendmail.
INSTALL_DATA_HOOKS += install-sendmail-links
UNINSTALL_HOOKS += uninstall-sendmail-links
install-sendmail-links:
	$(MKDIR_P) "$(DESTDIR)$(bindir)" "$(DESTDIR)$(sbindir)" "$(DESTDIR)$(prefix)/lib"
	ln -sf sendmail "$(DESTDIR)$(bindir)/newaliases"
	ln -sf "$(bindir)/sendmail" "$(DESTDIR)$(sbindir)/sendmail"
	ln -sf "$(bindir)/sendmail" "$(DESTDIR)$(prefix)/lib/sendmail"
uninstall-sendmail-links:
	rm -f "$(DESTDIR)$(bindir)/newaliases" "$(DESTDIR)$(sbindir)/sendmail" "$(DESTDIR)$(prefix)/lib/sendmail"

dist_man_MANS += man/bofh.5 man/authsenders.5 man/newaliases.1 man/submit.8 man/couriergate.8 man/sendmail.8 man/rmail.8 man/mailq.1 \
	man/cancelmsg.1 man/makealiases.8 man/aliaslookup.8 man/makesmtpaccess.8 man/makesmtpaccess-msa.8 man/makeimapaccess.8 \
	man/makehosteddomains.8 man/makeacceptmailfor.8 man/makepercentrelay.8

fuzz_programs += tests/fuzz/fuzz-gate-proto
tests_fuzz_fuzz_gate_proto_SOURCES = tests/fuzz/fuzz-gate-proto.c
tests_fuzz_fuzz_gate_proto_LDADD = $(submit_client_libs)
tests_fuzz_fuzz_gate_proto_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
fuzz_programs += tests/fuzz/fuzz-submit-drop
tests_fuzz_fuzz_submit_drop_SOURCES = tests/fuzz/fuzz-submit-drop.c
tests_fuzz_fuzz_submit_drop_LDADD = $(submit_client_libs)
tests_fuzz_fuzz_submit_drop_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
fuzz_programs += tests/fuzz/fuzz-authsenders
tests_fuzz_fuzz_authsenders_SOURCES = tests/fuzz/fuzz-authsenders.c
tests_fuzz_fuzz_authsenders_LDADD = $(submit_client_libs)
tests_fuzz_fuzz_authsenders_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
fuzz_programs += tests/fuzz/fuzz-bofh
tests_fuzz_fuzz_bofh_SOURCES = tests/fuzz/fuzz-bofh.c
tests_fuzz_fuzz_bofh_LDADD = $(submit_client_libs)
tests_fuzz_fuzz_bofh_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
fuzz_programs += tests/fuzz/fuzz-smtpaccess
tests_fuzz_fuzz_smtpaccess_SOURCES = tests/fuzz/fuzz-smtpaccess.c
tests_fuzz_fuzz_smtpaccess_LDADD = $(submit_client_libs)
tests_fuzz_fuzz_smtpaccess_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
fuzz_programs += tests/fuzz/fuzz-aliases
tests_fuzz_fuzz_aliases_SOURCES = tests/fuzz/fuzz-aliases.c
tests_fuzz_fuzz_aliases_LDADD = $(submit_client_libs)
tests_fuzz_fuzz_aliases_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
fuzz_programs += tests/fuzz/fuzz-submit-header
tests_fuzz_fuzz_submit_header_SOURCES = tests/fuzz/fuzz-submit-header.c
tests_fuzz_fuzz_submit_header_LDADD = $(submit_client_libs)
tests_fuzz_fuzz_submit_header_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
fuzz_programs += tests/fuzz/fuzz-submit-lines
tests_fuzz_fuzz_submit_lines_SOURCES = tests/fuzz/fuzz-submit-lines.c
tests_fuzz_fuzz_submit_lines_LDADD = $(submit_client_libs)
tests_fuzz_fuzz_submit_lines_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
fuzz_programs += tests/fuzz/fuzz-filter-reply
tests_fuzz_fuzz_filter_reply_SOURCES = tests/fuzz/fuzz-filter-reply.c
tests_fuzz_fuzz_filter_reply_LDADD = submit/libfilter-text.a libs/queue/libqueue.a libs/base/libbase.a
tests_fuzz_fuzz_filter_reply_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
fuzz_programs += tests/fuzz/fuzz-domains
tests_fuzz_fuzz_domains_SOURCES = tests/fuzz/fuzz-domains.c
tests_fuzz_fuzz_domains_LDADD = $(submit_client_libs)
tests_fuzz_fuzz_domains_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
