/*
 * uucp: mail for and from UUCP nodes.
 *
 * The module courieruucp hands mail to uux(1), which queues it for a neighbour, and answers the
 * gate's question which paths lead anywhere (etc/uucpneighbors.dat).  Mail comes in by rmail
 * (submit/rmail-main.c); its addresses are rewritten by the gate (REWRITE of module.uucp).
 */
#ifndef COURIER_UUCP_H
#define COURIER_UUCP_H

#include "config/config.h"

extern const struct config_component uucp_component;

enum {
	UUCP_PATH_MAX = 1000,    /* bytes of a path */
	UUCP_NODES_MAX = 64,     /* nodes of one */
	UUCP_FLAG_WORDS_MAX = 8, /* words of UUXFLAGS */
};

/* ---- neighbours (pure) ----------------------------------------------------------------------- */

enum uucp_flag {
	UUCP_FORWARD = 1, /* F: any path beyond this node */
	UUCP_GATEWAY = 2, /* G: the same, and rmail runs on this node */
	UUCP_RELAY = 4,   /* R: rmail runs on this node for listed longer paths */
};

/* One line of uucpneighbors: 1 and node and flags; 0: a comment or blank; -1: cannot be understood.
 */
int uucp_neighbor_line(struct str line, struct str *node, unsigned *flags);
/* Flags as the table keeps them: the letters. */
bool uucp_flags_parse(struct str letters, unsigned *flags);

/* What is known of a node ("food" or "food!fruits"): 1 and *flags, 0, or -1 (the table can't be
 * read).
 */
typedef int (*uucp_known)(void *ctx, struct str node, unsigned *flags);

enum uucp_way {
	UUCP_WAY,      /* it goes */
	UUCP_NO_WAY,   /* no node of that name, or nothing listed that far */
	UUCP_BAD_PATH, /* empty parts, too long, or characters that no remote shell should see */
	UUCP_UNKNOWN,  /* the table can't be read */
};
struct uucp_route {
	struct str node; /* where rmail runs */
	struct str rest; /* the recipient there */
	bool forward;    /* it goes beyond the listed nodes (F and G) */
};
enum uucp_way uucp_find(struct str path, uucp_known known, void *ctx, struct uucp_route *out);

/* Whether an address can be an argument of rmail, here and on nodes that run it with a shell. */
bool uucp_safe_word(struct str word);

/* ---- uux ------------------------------------------------------------------------------------- */

/* The words of UUXFLAGS; views into value.  -1: other options than -g GRADE, -j and -r. */
int uux_flags(struct str value, struct str words[UUCP_FLAG_WORDS_MAX]);

#endif
