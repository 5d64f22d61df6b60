/* The parser's insides, shared by its sources. */
#ifndef COURIER_MIME_PRIVATE_H
#define COURIER_MIME_PRIVATE_H

#include "mime/mime.h"
#include "rfc822/rfc822.h"

struct mime_pos {
	size_t at;    /* offset in the bytes as they are */
	size_t size;  /* the same with every line end taken as CRLF */
	size_t lines; /* complete lines before it */
};

struct mime_open {
	struct mime_part *part;
	struct mime_pos header, body; /* where they begin */
	struct str boundary;          /* of a multipart; .p NULL for others */
	bool closed;                  /* its last boundary was seen */
	struct mime_part *last;       /* its newest child */
};

/* Bytes that must outlive a push, in the arena; grows by doubling. */
struct mime_text {
	char *p;
	size_t n, cap;
};

struct mime_parser {
	struct arena *arena;
	struct mime_limits limits;
	struct mime_result r;
	bool failed; /* the arena is full */

	struct mime_pos pos;      /* behind the last byte taken */
	struct mime_pos line;     /* where the current line began */
	struct mime_pos line_end; /* before the end of the line before */
	bool cr;                  /* the last byte was CR */
	struct mime_text kept;    /* a line that came in pieces */
	struct mime_text field;   /* a header field, folded lines joined */
	size_t header_used;       /* bytes of this header block */
	bool in_header;
	bool line_8bit, field_8bit; /* 8-bit bytes in the current line, in the field so far */

	struct mime_open *stack; /* open parts; the innermost is the last one */
	size_t open;
};

/* Parts: opening at a position, the header's fields, closing. */
bool mime_part_begin(struct mime_parser *p, struct mime_part *parent, struct mime_pos at);
void mime_part_field(struct mime_parser *p, struct mime_part *part, struct str field);
void mime_part_header_done(struct mime_parser *p, struct mime_pos body);
/* Gives where it really ended: not before its own body begins. */
struct mime_pos mime_part_end(struct mime_parser *p, struct mime_pos end);

/* The open multipart whose boundary the line (without its end) is, or NULL; then, what follows from
 * it: parts inside end, a new one begins unless it was the last boundary. */
struct mime_open *mime_boundary_match(struct mime_parser *p, struct str line, bool *last);
void mime_boundary_act(struct mime_parser *p, struct mime_open *multipart, bool last);

/* Lower-case copy; .p NULL without memory. */
struct str mime_lower(struct arena *a, struct str s);

#endif
