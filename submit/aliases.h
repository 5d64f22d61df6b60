/*
 * Aliases: the text, its expansion, and the table the gate reads.
 *
 * The text: `name: member, member, ...`; a line that begins with a blank continues the one before;
 * '#' starts a comment line.  The name is an address or a bare local part of this system, or
 * "@domain" for everybody there.  A member is an address, another alias, ":include:/path" (a file
 * of addresses, read when the table is built), "| command" or "/path" (delivered through a .courier
 * file in the alias folder).  A member of "@domain" is an account: mail for x@domain goes to its
 * extension x; or a path that ends in "!": x is put behind it.
 *
 * The table: alias (local part alone for a bare one) -> addresses, each ended by LF; a long list
 * goes on under the key with LF and 1, 2, ... behind it.  Members are final: no alias is among them
 * but the name itself, which then means the mailbox.
 *
 * Beside the general table there may be one for each source of mail, which is asked first.
 */
#ifndef COURIER_SUBMIT_ALIASES_H
#define COURIER_SUBMIT_ALIASES_H

#include "submit/address.h"
#include "table/table.h"

enum {
	ALIAS_TEXT_MAX = 8 * 1024 * 1024, /* members of one alias */
	ALIAS_CHUNK = 512 * 1024,         /* in one record of the table */
	ALIAS_DEPTH_MAX = 100,            /* aliases of aliases */
};

/* Sources of mail that may have a table of their own, aliases-NAME.dat. */
enum alias_source { ALIAS_ESMTP, ALIAS_UUCP, ALIAS_LOCAL, ALIAS_SOURCES };
extern const char *const alias_source_names[ALIAS_SOURCES];
/* false: there is none of that name. */
bool alias_source_parse(struct str name, enum alias_source *out);

/* 1: it is an alias, members (one a line) are in out; 0: it is none; -1: the table can't be read.
 * Looked for are the address; the one it is another name for (hosteddomains); for a local address
 * its local part alone; "@domain". */
int aliases_lookup(
    struct table *t, const struct names *n, const struct address *a, struct buf *out);

/* What "@domain: target" makes of an address there, as a line; for every source of aliases.  false:
 * no memory. */
bool alias_of_domain(
    const struct names *n, const struct address *a, struct str target, struct buf *out);

/* The addresses to look for, in this order; the number of them.  For every source of aliases. */
enum { ALIAS_KEYS_MAX = 3 };
unsigned alias_keys(const struct names *n, struct arena *a, const struct address *addr,
    struct str keys[ALIAS_KEYS_MAX]);

/* ---- the text (pure) ------------------------------------------------------------------------- */

enum alias_kind { ALIAS_ADDRESS, ALIAS_INCLUDE, ALIAS_PROGRAM, ALIAS_FILE };

struct alias_reader {
	/* One member of one alias; -1 ends the reading. */
	int (*member)(
	    void *ctx, struct str name, enum alias_kind kind, struct str value, unsigned line);
	void (*bad)(void *ctx, unsigned line, const char *why);
	void *ctx;
};
/* The number of bad lines, or -1. */
int aliases_read(struct str text, const struct alias_reader *r);
/* An included file: addresses, one a line or parted by commas. */
int aliases_read_list(struct str text, struct str name, const struct alias_reader *r);

/* ---- expansion ------------------------------------------------------------------------------- */

struct alias_set;
struct alias_hooks {
	/* The text of an included file; -1 with errno. */
	int (*include)(void *ctx, struct str path, struct buf *out);
	/* A program or file: the instruction must be kept under `name` (the alias folder). */
	int (*instruction)(void *ctx, struct str name, struct str line);
	void (*bad)(void *ctx, const char *file, unsigned line, const char *why);
	void *ctx;
};
/* source: whose aliases they are, or NULL: everybody's. */
struct alias_set *alias_set_new(
    const struct names *n, const char *source, const struct alias_hooks *h);
void alias_set_free(struct alias_set *s);
/* 0, or -1 without memory; faults are told to bad() and counted. */
int alias_set_add(struct alias_set *s, struct str text, const char *file);
unsigned alias_set_faults(const struct alias_set *s);
/* Each alias with its final members, one a line.  -1 passes on what fn returned. */
int alias_set_each(
    struct alias_set *s, int (*fn)(void *ctx, struct str key, struct str members), void *ctx);

/* The extension under which the alias folder keeps an instruction: "xalias/NAME", or with a source
 * "xalias-esmtp/NAME"; '.' is written as "+2e". */
bool alias_instruction_name(
    const struct names *n, struct str key, const char *source, struct buf *out);
/* Whether an address names an instruction: nobody but an alias may send there. */
bool alias_is_instruction(const struct address *a);

#endif
