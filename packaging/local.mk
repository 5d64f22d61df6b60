# packaging: what starts the suite with the machine, as examples; with --with-systemdsystemunitdir the
# units go there, too.
packagingdir = $(pkgdatadir)/packaging
packaging_units = packaging/courier.service packaging/courier-mta.service packaging/courier-imap.service \
	packaging/courier-pop.service packaging/courier-authdaemon.service
nodist_packaging_DATA = $(packaging_units)
nodist_packaging_SCRIPTS = packaging/courier.sysvinit
if SYSTEMD_UNITS
systemdsystemunit_DATA = $(packaging_units)
endif
EXTRA_DIST += packaging/courier.sysvinit.in $(packaging_units:=.in)
CLEANFILES += $(packaging_units) packaging/courier.sysvinit

packaging_edit = sed -e 's,@sbindir\@,$(sbindir),g' -e 's,@sysconfdir\@,$(sysconfdir),g' \
	-e 's,@packagingdir\@,$(packagingdir),g'
$(packaging_units) packaging/courier.sysvinit: %: %.in Makefile
	$(AM_V_GEN)$(MKDIR_P) packaging && $(packaging_edit) $(srcdir)/$@.in >$@.tmp && mv $@.tmp $@
