/*
 * smtpaccess: what a client's address decides (deny, relaying, variables).
 *
 * The text: lines `NETBLOCK TAB ACTION`; '#' starts a comment line.  NETBLOCK is an IPv4 address or
 * its first one to three numbers, an IPv6 address, the original's ":hhhh:hhhh" IPv6 prefix in steps
 * of 16 bits, either with "/bits", a range "from-to", or "*".  ACTION is `deny`, or `allow` with
 * `,VAR`, `,VAR=value` or `,VAR="quoted value"` behind it.  The most specific block alone counts.
 *
 * With -accesslocal NETBLOCK may also be "A.B.C.D.PORT" or "*.PORT", an address and port of this
 * host (IPv6: "ADDRESS.PORT"); those are looked up by themselves, and what they set stands below
 * what the client's own entry sets.
 *
 * An address is 16 bytes, IPv4 as ::ffff:a.b.c.d.  A block is such an address and a prefix length;
 * its key, in the table smtpaccess.dat as in memory, is one byte of length and the 16 bytes with
 * everything behind the prefix cleared.  Under ACCESS_LENGTHS stands which lengths exist, so a
 * lookup asks once for each of those, the longest first.
 *
 * Pure but for access_lookup's getter.
 */
#ifndef COURIER_ACCESS_ACCESS_H
#define COURIER_ACCESS_ACCESS_H

#include "base/base.h"

enum {
	ACCESS_KEY_SIZE = 17,
	ACCESS_BITS = 128,
	ACCESS_LENGTHS_SIZE = ACCESS_BITS + 1, /* a byte each, 1: there are blocks of that length */
	ACCESS_ACTION_MAX = 4096,
	ACCESS_RANGE_BLOCKS_MAX = 256,
	ACCESS_LOCAL_KEY_SIZE = 19,
};
#define ACCESS_LENGTHS STR("lengths")

struct access_addr {
	unsigned char b[16];
};
/* An IPv4 or IPv6 address as text (an IPv4 one may be ::ffff:-mapped). */
bool access_addr_parse(struct str text, struct access_addr *out);

struct access_block {
	struct access_addr addr;
	unsigned bits;
};

/* Calls block() for each block of each line, in order; -1 from it ends the reading with -1.
 * bad() hears of lines that are not understood and gets the reason; the reading goes on.  Returns
 * the number of bad lines, or -1. */
struct access_reader {
	int (*block)(void *ctx, const struct access_block *b, struct str action, unsigned line);
	void (*bad)(void *ctx, unsigned line, const char *why);
	void *ctx;
	/* Entries of local ports, by key; NULL: they are bad lines. */
	int (*local)(void *ctx, struct str key, struct str action, unsigned line);
};
int access_read(struct str text, const struct access_reader *r);

void access_key(const struct access_block *b, char key[ACCESS_KEY_SIZE]);
/* The key of a port of this host; addr NULL: on any address. */
struct str access_local_key(
    const struct access_addr *addr, uint16_t port, char key[ACCESS_LOCAL_KEY_SIZE]);

/* get: 1 and *value (valid until the next call), 0 absent, -1 failure (passed on).  Returns the
 * same; *action is a view into what get gave. */
int access_lookup(const struct access_addr *a,
    int (*get)(void *ctx, struct str key, struct str *value), void *ctx, struct str *action);

/* The same for this end of a connection: the address and port, the address alone, the port. */
int access_lookup_local(const struct access_addr *a, uint16_t port,
    int (*get)(void *ctx, struct str key, struct str *value), void *ctx, struct str *action);
/* *plain: it was the address alone, whose entry may be meant for the host itself as a client. */
int access_lookup_local_kind(const struct access_addr *a, uint16_t port,
    int (*get)(void *ctx, struct str key, struct str *value), void *ctx, struct str *action,
    bool *plain);
/* a.b.c.d, or IPv6 as the system writes it. */
void access_addr_text(const struct access_addr *a, char out[46]);

/* The text in memory: used when there is no table. */
struct access;
/* bad, which may be NULL, hears of faulty lines. */
struct access *access_new(struct str text, void (*bad)(unsigned line, const char *why));
void access_free(struct access *a);
/* Blocks alone, parted by blanks and line ends; NULL: there is none. */
struct access *access_list_new(struct str words, void (*bad)(unsigned line, const char *why));
bool access_list_explain(struct str words, struct buf *why);     /* for a settings table */
int access_get(void *access, struct str key, struct str *value); /* for access_lookup */

/* Adds what an action sets to env as NAME=value lines.  false: not understood (then nobody may be
 * let in by it). */
bool access_action_parse(struct str action, struct buf *env, bool *deny);
/* The value of NAME in NAME=value lines. */
bool access_env(struct str env, const char *name, struct str *value);

#endif
