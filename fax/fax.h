/*
 * fax: mail for NUMBER@fax.
 *
 * The module courierfax says by the rules of etc/faxrc which numbers it dials for whom, turns a
 * message into pages (a cover page, then each attachment by a small program of libexec's faxmail
 * folder) and hands them to a program that has the modem.  courierfax(8) is the page.
 */
#ifndef COURIER_FAX_H
#define COURIER_FAX_H

#include "base/base.h"
#include "config/config.h"
#include "mime/mime.h"

extern const struct config_component fax_component;

/* ---- numbers and rules (pure) ---------------------------------------------------------------- */

enum { FAX_NUMBER_MAX = 100, FAX_RULES_MAX = 1000, FAX_TEXT_MAX = 64 * 1024, FAX_REPEAT_MAX = 100 };

struct fax_number {
	char p[FAX_NUMBER_MAX + 1]; /* what the modem gets: 0-9 A-D * # W , @ */
	size_t n;
};

struct fax_options {
	bool lowres, ignore, cover;
};

/* The domain's options; false: it is no fax domain, or one of them is unknown. */
bool fax_options_parse(struct str domain, struct fax_options *out);
/* The local part as a dial string: '-' is ',' and '+' is '@'.  False: other characters, too long.
 */
bool fax_number_parse(struct str local, struct fax_number *out);
bool fax_number_valid(struct str number);

enum fax_verb { FAX_RW, FAX_ACCEPT, FAX_REJECT };

struct fax_rule {
	enum fax_verb verb;
	bool prefix, repeat;
	struct str search;
	struct str what; /* the replacement, or the source */
};
struct fax_rules {
	struct fax_rule v[FAX_RULES_MAX];
	size_t n;
};

/* Views into text.  0, or the number of the first line that cannot be understood. */
unsigned fax_rules_parse(struct str text, struct fax_rules *out);
/* True: accepted for this source; *number is what is to be dialled. */
bool fax_rules_apply(const struct fax_rules *r, struct str source, struct fax_number *number);
/* The four words of faxrc, from the queue's: local, esmtp, uucp, dsn. */
struct str fax_source(struct str source);

/* ---- pages ----------------------------------------------------------------------------------- */

enum {
	FAX_COLUMNS = 80,
	FAX_MESSAGE_MAX = 32 * 1024 * 1024,
	FAX_PARTS_MAX = 100,
};

/* Text for a page: UTF-8, lines of at most FAX_COLUMNS characters, tabs as blanks, no controls but
 * LF and form feed. */
bool fax_text_layout(struct str utf8, struct buf *out);
/* One line for troff, in which nothing is a request or an escape. */
bool fax_troff_line(struct str line, struct buf *out);

struct fax_cover {
	struct str from, to, subject, date, number;
	unsigned pages;  /* with the cover page */
	struct str text; /* of the message, any length: what has no room is left to the next page */
};
/* The cover page's source: definitions, the administrator's template, the text. */
bool fax_cover_compose(const struct fax_cover *c, struct str template, struct buf *out);

struct fax_part {
	struct str type; /* "image/png" */
	struct str name; /* of its converter: "image-png.filter" */
	struct str data; /* decoded; text is UTF-8 and laid out */
};
struct fax_document {
	struct fax_cover cover;
	struct fax_part parts[FAX_PARTS_MAX];
	size_t n;
	bool full; /* more parts than that */
};
/* What the message is made of; strings live in the arena.  -1: no memory. */
int fax_document_read(struct arena *a, struct str message, struct fax_document *out);

#endif
