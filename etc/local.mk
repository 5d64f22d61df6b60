# etc: the shipped configuration.  Pristine copies go to share/courier/etc (courier init copies from
# there); into the configuration folder itself only what is not there yet: an upgrade changes nothing.
etcdefaultdir = $(pkgdatadir)
nobase_dist_etcdefault_DATA = $(etc_files)
etc_files += etc/submit etc/smtpaccess/default etc/aliases/system
etc_files += etc/enablefiltering
etc_files += etc/broker etc/courierd etc/maildropsettings etc/module.local etc/quotawarnmsg

install-missing-config:
	$(AM_V_at)$(MKDIR_P) $(DESTDIR)$(sysconfdir)
	$(AM_V_at)for f in $(etc_files); do \
		to=$(DESTDIR)$(sysconfdir)/$${f#etc/}; \
		test -e $$to && continue; \
		$(MKDIR_P) `dirname $$to` && $(INSTALL_DATA) $(srcdir)/$$f $$to || exit 1; done
.PHONY: install-missing-config
INSTALL_DATA_HOOKS += install-missing-config
