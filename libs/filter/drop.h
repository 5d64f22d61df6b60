/*
 * libs/filter: one delivery by filters, as maildrop(1) does it: variables, the filters that are
 * followed, their actions on files, mailboxes and programs.  The program maildrop calls it once;
 * a delivery worker calls it for one message after the other.
 *
 *	struct drop d;
 *	drop_init(&d, &call);
 *	code = drop_read(&d, fd) < 0 ? ... : drop_go(&d);     (d.problem says what was wrong)
 *	drop_end(&d);
 *
 * Nothing of a message outlives drop_end: variables, locks, descriptors, memory.  The process's
 * umask is 077 before and after; its folder is the home in delivery mode.  When the time is over a
 * delivery ends with EX_TEMPFAIL; one that hangs in the kernel ends the process a little later.
 */
#ifndef COURIER_FILTER_DROP_H
#define COURIER_FILTER_DROP_H

#include "config/instance.h"
#include "filter/drop-settings.h"
#include "filter/filter.h"

enum {
	DROP_MESSAGE_MAX = 1 << 30,   /* bytes */
	DROP_OUTPUT_MAX = 1 << 30,    /* what xfilter may give */
	DROP_HEADERS_MAX = 64 * 1024, /* of -A */
	DROP_TRACE_MAX = 1 << 20      /* of the file below, in all */
};
/* While it stands in the home, and is its owner's, it is told what the filter does. */
#define DROP_TRACE_FILE ".mailtrace"

/* Whose mail it is. */
struct drop_person {
	const char *name, *home, *shell;
	const char *maildir, *quota; /* or NULL */
};

/* What is asked.  All of it stays the caller's, until drop_end. */
struct drop_call {
	const struct instance *instance;
	struct drop_settings set;
	struct drop_person who;
	const char *from;   /* NULL: the field Return-Path tells */
	const char *filter; /* -M */
	const char *file;   /* manual mode */
	char *const *args;  /* $1 and on; ends with NULL */
	char *const *env;   /* NAME=value; ends with NULL */
	struct str headers; /* whole lines of -A */
	bool told;          /* env has HOME, LOGNAME, MAILDROPDEFAULT of the mail server */
	bool embedded;      /* -m, -M */
	bool why;           /* tells each step */
	int verbose;        /* 0: what the filter says */
	int warn_percent;   /* -1: no warnings */
	const char *warn_file;
	unsigned grace;   /* seconds between the end of the time and that of the process */
	unsigned seconds; /* no longer than this, either; 0: as the settings say */
	uint64_t memory;  /* of a program; 0: no limit */
	struct buf *sink; /* what is said, here and by programs; NULL: standard output and error */
	struct filter_cache *cache; /* NULL: one for this message */
	/* Whether a file in a Maildir may do without a sync of its own; NULL: none may. */
	bool (*may_wait)(int fd);
};

struct drop {
	const struct drop_call *call;
	struct filter_run *run;
	int64_t deadline;
	struct buf extra; /* call->headers, until xfilter has replaced them */
	struct buf small; /* the message, or */
	struct str given; /* not ours, or */
	char *map;        /* a file of it */
	size_t map_size;
	bool changed;               /* it is not, byte for byte, what was given */
	struct buf filtered;        /* what xfilter made of it, unless it is mapped, too */
	struct buf output;          /* of an xfilter, until it is the message: the end, and */
	int output_fd;              /* what came before, or -1 */
	uint64_t output_size;       /* of that */
	struct filter_cache *cache; /* the call's, or our own */
	int log;                    /* -1 */
	int trace;                  /* DROP_TRACE_FILE, or -1 */
	size_t trace_room;
	unsigned copies; /* deliveries so far */
	/* out */
	int code;           /* exit status */
	struct buf problem; /* one line, or nothing */
	char *place;        /* the one file that was delivered, not synced; NULL: all is synced */
	uint64_t device;    /* its file system */
};

void drop_init(struct drop *d, const struct drop_call *call);
void drop_end(struct drop *d);
/* The message: of a descriptor, at its position, or bytes (copied when something must change).  CR
 * before LF is taken off.  0, -1 with errno. */
int drop_read(struct drop *d, int fd);
int drop_take(struct drop *d, struct str bytes);
/* Follows the filters and delivers.  The exit status; problem is set when it is not the filter's.
 */
int drop_go(struct drop *d);

#endif
