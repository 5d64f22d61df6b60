/*
 * Settings of a session, out of etc/imapd.  The table in settings.c is their only place; that file
 * also holds what the login front reads (its table is its own).
 */
#ifndef COURIER_IMAPD_SETTINGS_H
#define COURIER_IMAPD_SETTINGS_H

#include "config/config.h"

struct settings {
	struct config *config;      /* holds the strings */
	const char *capability;     /* IMAP_CAPABILITY */
	bool condstore;             /* IMAP_CAPABILITY names it */
	bool keywords;              /* IMAP_KEYWORDS */
	bool disable_threadsort;    /* IMAP_DISABLETHREADSORT */
	bool check_all_folders;     /* IMAP_CHECK_ALL_FOLDERS */
	bool obsolete_client;       /* IMAP_OBSOLETE_CLIENT */
	bool follow_links;          /* MAILDIR_SKIP_SYMLINK_CHECKS */
	bool acl;                   /* IMAP_ACL */
	bool shared_escapes;        /* IMAP_SHAREDMUNGENAMES */
	const char *shared_index;   /* IMAP_SHAREDINDEXFILE, "" etc/shared/index */
	bool use_locks;             /* IMAP_USELOCKS */
	bool sanity_check;          /* IMAP_MAILBOX_SANITY_CHECK */
	bool move_expunge_to_trash; /* IMAP_MOVE_EXPUNGE_TO_TRASH */
	bool log_deletions;         /* IMAP_LOG_DELETIONS */
	const char *trash;          /* IMAP_TRASHFOLDERNAME */
	const char *empty_trash;    /* IMAP_EMPTYTRASH */
	const char *special_use;    /* IMAP_SPECIALUSE (ours) */
	const char *outbox;         /* OUTBOX without its dot, "" none */
	const char *sendmail;       /* SENDMAIL */
	const char *header_from;    /* HEADERFROM */
	bool outbox_multiple;       /* OUTBOX_MULTIPLE_SEND */
	const char *debug_file;     /* IMAPDEBUGFILE */
	const char *id_fields;      /* IMAP_ID_FIELDS, "" no ID */
	const char *maildir;        /* MAILDIRPATH */
	uint64_t memory;            /* IMAP_ULIMITD, bytes; 0: no limit */
	mode_t umask;               /* IMAP_UMASK */
	int idle_poll;              /* IMAP_IDLE_TIMEOUT, seconds */
	int idle_timeout;           /* IMAP_AUTOLOGOUT (ours), seconds */
	size_t line_max;            /* IMAP_LINE_MAX (ours): bytes of a command with its literals */
	uint64_t append_max;        /* IMAP_APPEND_MAX (ours): bytes of a message, 0 no limit */
};

extern const struct config_component imapd_component;

/* -1: the configuration has faults (they are logged). */
int settings_load(struct settings *s, const struct instance *in);
void settings_free(struct settings *s);

#endif
