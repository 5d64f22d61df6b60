# imapd: the IMAP session program (what comes before login is the login room's).
imapd_sources = \
	imapd/session.h imapd/settings.c imapd/settings.h \
	imapd/io.c imapd/io.h imapd/parse.c imapd/parse-date.c imapd/parse.h \
	imapd/command.c imapd/names.c imapd/strings.c imapd/mailbox.c imapd/trash.c \
	imapd/message.c imapd/message.h imapd/envelope.c imapd/structure.c \
	imapd/fetch-parse.c imapd/fetch.h imapd/search-parse.c imapd/search.h \
	imapd/search-match.c imapd/search-match.h imapd/sort.c imapd/sort.h \
	imapd/thread.c imapd/thread.h imapd/watch.c imapd/watch.h \
	imapd/list-match.c imapd/list-match.h \
	imapd/cmd-basic.c imapd/cmd-list.c imapd/cmd-folder.c imapd/cmd-select.c \
	imapd/cmd-append.c imapd/cmd-store.c imapd/cmd-copy.c imapd/cmd-fetch.c \
	imapd/cmd-search.c imapd/cmd-sort.c imapd/cmd-thread.c imapd/cmd-idle.c \
	imapd/share.c imapd/share.h imapd/share-private.h imapd/place.c imapd/files.c \
	imapd/copy-across.c imapd/copy-across.h imapd/cmd-acl.c imapd/acl-items.c imapd/cmd-quota.c \
	imapd/list-parse.c imapd/list.h imapd/status-parse.c imapd/status.h imapd/status.c \
	imapd/select-parse.c imapd/condstore.c imapd/condstore.h imapd/search-return.c \
	imapd/outbox.c imapd/outbox.h \
	imapd/append-binary.c imapd/append-binary.h imapd/fetch-parts.c imapd/fetch-parts.h \
	imapd/preview.c imapd/preview.h \
	imapd/folders.h imapd/special-use.c
imapd_libs = libs/maildir/libmaildir.a libs/mime/libmime.a libs/rfc822/librfc822.a \
	libs/unicode/libunicode.a libs/config/libconfig.a libs/base/libbase.a \
	$(IDN2_LIBS) $(UNISTRING_LIBS)

if IMAPD
pkglibexec_PROGRAMS += imapd/imapd
imapd_imapd_SOURCES = imapd/main.c $(imapd_sources)
imapd_imapd_LDADD = $(imapd_libs)
dist_man_MANS += man/imapd.8 man/imapd-ssl.8
etc_files += etc/imapd etc/imapd-ssl
endif

imapd_grammar = imapd/parse.c imapd/parse-date.c imapd/fetch-parse.c imapd/search-parse.c \
	imapd/list-match.c imapd/list-parse.c imapd/status-parse.c imapd/select-parse.c \
	imapd/search-return.c imapd/preview.c
if HAVE_CMOCKA
check_PROGRAMS += tests/unit/imap-parse
tests_unit_imap_parse_SOURCES = tests/unit/imap-parse.c $(imapd_grammar)
tests_unit_imap_parse_LDADD = $(imapd_libs) $(CMOCKA_LIBS)
endif

fuzz_programs += tests/fuzz/fuzz-imap
tests_fuzz_fuzz_imap_SOURCES = tests/fuzz/fuzz-imap.c $(imapd_grammar)
tests_fuzz_fuzz_imap_LDADD = $(imapd_libs)
tests_fuzz_fuzz_imap_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)

fuzz_programs += tests/fuzz/fuzz-imap-session
tests_fuzz_fuzz_imap_session_SOURCES = tests/fuzz/fuzz-imap-session.c $(imapd_sources)
tests_fuzz_fuzz_imap_session_LDADD = $(imapd_libs)
tests_fuzz_fuzz_imap_session_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
