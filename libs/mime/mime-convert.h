/* The plan of a conversion: what the new message is made of, piece by piece. */
#ifndef COURIER_MIME_CONVERT_H
#define COURIER_MIME_CONVERT_H

#include "mime/mime-private.h"

enum segment_kind {
	SEGMENT_COPY,   /* a range of the message, as it is */
	SEGMENT_TEXT,   /* new text */
	SEGMENT_QP,     /* a range, encoded to quoted-printable */
	SEGMENT_BASE64, /* ... to base64 */
	SEGMENT_DECODE, /* a range in quoted-printable, decoded */
	SEGMENT_ESCAPE, /* a range with its 8-bit bytes as =XX: they stood in quoted-printable */
	SEGMENT_STARS,  /* ... as stars, which no proper boundary has in it */
};

struct segment {
	struct segment *next;
	enum segment_kind kind;
	bool header;     /* belongs to the root's header */
	size_t from, to; /* of the message */
	struct str text;
};

struct mime_convert {
	struct arena *arena;
	const struct mime_source *source;
	const char *by, *eol;
	unsigned flags;
	struct segment *first, **end, *last;
	bool in_header; /* of the root, while that is planned */
	bool changed;
	unsigned kept; /* MIME_KEPT_* */
	bool failed;
	/* While it is carried out. */
	struct segment *at;
	size_t done; /* of the segment */
	bool line_start;
	bool cr, bare; /* MIME_TO_LINES: the last byte was CR; one stood alone */
	struct mime_encoder encoder;
	struct mime_decoder decoder;
};

void mime_plan(struct mime_convert *c, struct mime_part *root);
/* Whether the quoted-printable range can stand as 8-bit lines inside these parts. */
bool mime_plan_decodes(struct mime_convert *c, const struct mime_part *part);

/* Is there a CR or LF that stands alone in the part's body, or a NUL? */
bool mime_plan_is_binary(struct mime_convert *c, const struct mime_part *part);

#endif
