/*
 * libs/config: every setting of the suite, in one table per component.
 *
 * A component (esmtpd, imapd, the scheduler, ...) describes its settings once: name, type, default,
 * range, and a line of help.  From that table come the parser, the checks of `courier check`, what
 * `courier config` prints, and the defaults.  A setting lives in the component's own file of
 * NAME=value lines (the grammar below) or, when its row names a file, alone in that file of the
 * configuration folder, as in the original ("queuetime", "me", "locals", ...).
 *
 * The grammar of NAME=value files: comment lines start with '#'; NAME=value, NAME="value" or
 * NAME='value' (quoted values may span lines; in double quotes \" \\ \$ \` and ${V}, ${V:-text}, $V
 * are known); ". file" includes another file of the same folder.  Later assignments win.  Nothing
 * is executed: anything else is an error with its file and line.
 *
 * A snapshot (`struct config`) never changes; a session keeps the one it began with.  Names are
 * looked up as (name, vhost): a value for a virtual host, where one is set, wins over the general
 * one.
 */
#ifndef COURIER_CONFIG_H
#define COURIER_CONFIG_H

#include "config/instance.h"

enum config_type {
	CONFIG_STRING, /* any text */
	CONFIG_BOOL,   /* 0/1, yes/no; empty is no */
	CONFIG_INT,    /* decimal, within min..max */
	CONFIG_TIME,   /* seconds: "3600", "1w2d3h4m5s" */
	CONFIG_SIZE,   /* bytes: "1000", "10K", "5M", "1G" (1024s) */
	CONFIG_LIST,   /* words or lines, comments dropped */
};

struct config_setting {
	const char *name;
	enum config_type type;
	const char *def;  /* as it would stand in the file; NULL: empty */
	int64_t min, max; /* of CONFIG_INT, CONFIG_TIME, CONFIG_SIZE; max 0: no upper bound */
	const char *file; /* NULL: NAME=value in the component's file; else a file of its own */
	const char *help; /* one line */
	bool (*valid)(struct str value); /* further check of strings; may be NULL */
	/* NULL, or: a name of old files that does nothing here, and why; a warning says so. */
	const char *idle;
	/* The same for values of many words: false, and in *why what is wrong with which. */
	bool (*explain)(struct str value, struct buf *why);
	/* For lists in a file of their own: NULL, or what is wrong with a line (static text; the
	 * line itself is never shown, it may hold a password).  Blank lines and comments are passed
	 * over. */
	const char *(*line_wrong)(struct str line);
};

struct config_component {
	const char *name;    /* "esmtpd" */
	const char *file;    /* its NAME=value file, or NULL */
	const char *overlay; /* NULL, or a file whose assignments are laid over it ("esmtpd-msa") */
	const struct config_setting *settings;
	size_t n;
	bool foreign_ok; /* names not in the table are kept as given, not reported (the courierd
			    file) */
};

/* Faults found while loading: "FILE:LINE: text", one a line. */
struct config_faults {
	struct buf text;
	unsigned errors, warnings;
};
void config_faults_init(struct config_faults *f);
void config_faults_free(struct config_faults *f);
void config_fault(struct config_faults *f, const char *file, unsigned line, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void config_warn(struct config_faults *f, const char *file, unsigned line, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

struct config;

/*
 * Loads the settings of these components.  Missing files mean defaults.  NULL when anything is
 * wrong (faults tells; it may be NULL: then the faults are logged).  References count: config_hold
 * for every keeper, config_drop when done.
 */
struct config *config_load(const struct instance *in,
    const struct config_component *const *components, size_t n, struct config_faults *faults);
struct config *config_hold(struct config *c);
void config_drop(struct config *c);

/* A name that no table has is a fault of ours: the process aborts.  vhost: NULL or a key. */
struct str config_str(
    const struct config *c, const char *component, const char *name, const char *vhost);
const char *config_z(
    const struct config *c, const char *component, const char *name, const char *vhost);
bool config_bool(
    const struct config *c, const char *component, const char *name, const char *vhost);
int64_t config_int(
    const struct config *c, const char *component, const char *name, const char *vhost);
/* Times and sizes are ints too (seconds, bytes). */
bool config_is_set(
    const struct config *c, const char *component, const char *name); /* not by default */
/* Whether the virtual host has a value of its own (a file NAME.VHOST, perhaps empty). */
bool config_is_own(
    const struct config *c, const char *component, const char *name, const char *vhost);
/* The same of any setting of the component. */
bool config_vhost_known(
    const struct config *c, const struct config_component *comp, const char *vhost);
/* *at starts at 0; each next word (NAME=value lists: blank or comma separated; files: lines). */
bool config_each(
    const struct config *c, const char *component, const char *name, size_t *at, struct str *item);
bool config_each_of(const struct config *c, const char *component, const char *name,
    const char *vhost, size_t *at, struct str *item);
/* Every assignment of a component's file, tables' or foreign, e.g. for the environment of
 * deliveries. */
bool config_each_assignment(
    const struct config *c, const char *component, size_t *at, struct str *name, struct str *value);

/* Pure: for fuzzing and `courier check`.  Calls set() for each assignment in order. */
int config_parse(struct str text, const char *file, struct config_faults *faults,
    int (*set)(void *ctx, struct str name, struct str value, unsigned line),
    int (*get)(void *ctx, struct str name, struct str *value),
    int (*include)(void *ctx, struct str file, unsigned line), void *ctx);
bool config_parse_time(struct str s, int64_t *seconds);
bool config_parse_size(struct str s, int64_t *bytes);

/* The path of a file that a setting names: within the configuration folder unless it begins with a
 * slash.  To be freed. */
char *config_path(const struct config *c, struct str name);

/* The name of this host, in lower case: the file me, where "*." at its front stands for the
 * system's host name, else that name.  vhost: NULL or a key.  To be freed. */
char *config_own_name(const struct config *c, const char *vhost);
/* The system's host name, in lower case: what "*" stands for in lists of domains.  To be freed. */
char *config_host_name(void);
extern const struct config_component
    config_identity; /* "identity": me, defaultdomain, msgidhost, ... */

#endif
