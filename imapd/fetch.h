/* What FETCH asks for.  Parsing is pure. */
#ifndef COURIER_IMAPD_FETCH_H
#define COURIER_IMAPD_FETCH_H

#include "imapd/parse.h"

enum fetch_what {
	FETCH_FLAGS,
	FETCH_UID,
	FETCH_INTERNALDATE,
	FETCH_SIZE,
	FETCH_ENVELOPE,
	FETCH_BODY, /* without extensions */
	FETCH_BODYSTRUCTURE,
	FETCH_SECTION,  /* BODY[...] and the RFC822 items */
	FETCH_MODSEQ,   /* RFC 7162 */
	FETCH_SAVEDATE, /* RFC 8514 */
	FETCH_PREVIEW,  /* RFC 8970 */
	FETCH_BINARY,   /* BINARY[1.2]<0.10>, RFC 3516 */
	FETCH_BINARY_SIZE,
};

enum fetch_section {
	SECTION_ALL, /* BODY[], or a part's body */
	SECTION_HEADER,
	SECTION_FIELDS,
	SECTION_FIELDS_NOT,
	SECTION_TEXT,
	SECTION_MIME,
};

enum { FETCH_ITEMS_MAX = 200, FETCH_FIELDS_MAX = 500 };

struct fetch_item {
	enum fetch_what what;
	enum fetch_section section;
	const char *old_name; /* "RFC822.HEADER": answered under that name */
	bool peek, partial;
	uint32_t from, count;
	unsigned *path; /* part numbers */
	size_t depth;
	struct str *fields;
	size_t nfields;
};

struct fetch_list {
	struct fetch_item *v;
	size_t n;
	bool changed_only, vanished; /* (CHANGEDSINCE n VANISHED) */
	uint64_t since;
};

bool fetch_parse(struct parser *p, struct fetch_list *out);
/* "BODY[1.HEADER.FIELDS (\"Subject\")]<0>" as the answer names it */
bool fetch_item_name(const struct fetch_item *it, struct buf *out);

#endif
