/*
 * libs/mime: structure and encodings of messages (RFC 2045-2047, 2231, 6532).
 *
 * Pure functions over bytes, linear in them; jailed processes may call all of it (charsets that
 * need iconv stay undecoded until charset_allow_iconv(), see unicode.h).  Lines may end with LF or
 * CRLF, mixed.  Limits are given by `struct mime_limits`; memory comes from the caller's arena.
 *
 * One parser serves both sides: the gate pushes a message through it as it arrives and gets facts
 * (what is odd about it; what to do then is policy and lives elsewhere) and the structure; the IMAP
 * side gives it a mapped file.  The same bytes give the same result however they are cut.
 */
#ifndef COURIER_MIME_H
#define COURIER_MIME_H

#include "base/base.h"

/* ---- structure ------------------------------------------------------------------------------- */

struct mime_param {
	struct mime_param *next;
	struct str name;  /* lower case, RFC 2231 marks kept ("filename*0*") */
	struct str value; /* unquoted, otherwise as it stands */
};

enum mime_cte {
	MIME_7BIT, /* also when the field is missing */
	MIME_8BIT,
	MIME_BINARY,
	MIME_QP,
	MIME_BASE64,
	MIME_UNKNOWN,
};

/* A range of the message.  size is in octets as if every line ended with CRLF. */
struct mime_range {
	size_t start, end; /* offsets into the bytes as they are */
	size_t size;
	size_t lines; /* line ends in it: a last line without its end does not count */
};

struct mime_part {
	struct mime_part *parent, *child, *next; /* child: the first one */
	unsigned number;                         /* 1... among its siblings */
	unsigned depth;                          /* 0 for the message itself */

	struct mime_range header; /* with the empty line behind it */
	struct mime_range body;   /* without the line end that belongs to a boundary behind it */

	bool has_type;            /* a Content-Type that could be read */
	struct str type, subtype; /* lower case; the default of RFC 2045 (or multipart/digest) when
				     has_type is false */
	struct mime_param *params;
	bool has_encoding;
	enum mime_cte cte;
	struct str encoding; /* the word itself, lower case; "7bit" when missing */
	/* Empty (.p NULL) when the field is missing.  Unfolded; words of RFC 2047 not decoded. */
	struct str id, description, md5, location;
	struct str disposition; /* lower case */
	struct mime_param *disposition_params;
	struct str language; /* the field's body: tags parted by commas */

	bool has_8bit;  /* 8-bit bytes in its own body, those of parts inside not counted */
	bool multipart; /* child.. are its parts; may have none */
	int8_t decodes; /* what mime_convert found out of its quoted-printable; 0: nothing yet */
	bool message;   /* message/rfc822 or message/global that was opened: child is the message */
};

/*
 * Faults, as bits.  Those of the first group concern what the original refuses by default.
 */
enum mime_fault {
	MIME_FAULT_HEADER_8BIT = 1 << 0,     /* bytes beyond ASCII in any header block */
	MIME_FAULT_HEADER_NOT_UTF8 = 1 << 1, /* ... which are not UTF-8 either */
	MIME_FAULT_BODY_8BIT = 1 << 2,       /* 8-bit bytes in a body: a fact, no fault by itself */
	/* ... of a part that says 7bit, QP, base64 or nothing */
	MIME_FAULT_UNDECLARED_8BIT = 1 << 3,
	/* Content-Type that can't be read, or not in one way only: a parameter twice, open quotes
	 */
	MIME_FAULT_BAD_TYPE = 1 << 4,
	/* Content-Transfer-Encoding that can't be read, is unknown (and no x-word), or not allowed
	 * on a multipart or message */
	MIME_FAULT_BAD_ENCODING = 1 << 5,
	MIME_FAULT_BAD_DISPOSITION = 1 << 6,
	/* a Content- field twice in a header; the first one counts */
	MIME_FAULT_DUPLICATE = 1 << 7,
	MIME_FAULT_NO_BOUNDARY = 1 << 8, /* multipart without (or with an impossible) boundary */
	MIME_FAULT_UNCLOSED = 1 << 9,    /* a multipart that does not end, or has no part */
	MIME_FAULT_BAD_HEADER = 1 << 10, /* a line in a header that is no field */
	MIME_FAULT_NUL = 1 << 11,
	MIME_FAULT_BARE_CR = 1 << 12,   /* CR without LF */
	MIME_FAULT_BARE_LF = 1 << 13,   /* LF without CR: to be ignored where LF is the line end */
	MIME_FAULT_LONG_LINE = 1 << 14, /* beyond 998 octets */
	MIME_FAULT_BINARY = 1 << 15,    /* a part is declared binary: a fact */
	MIME_FAULT_BAD_PARAM = 1 << 20, /* a parameter with text behind it, or without value: common
					   (name=a b.txt) and harmless */
	/* limits */
	MIME_FAULT_DEPTH = 1 << 16,       /* deeper parts were taken as leaves */
	MIME_FAULT_PARTS = 1 << 17,       /* further boundaries were taken as text */
	MIME_FAULT_HEADER_SIZE = 1 << 18, /* a header block beyond the limit */
	MIME_FAULT_PARAMS = 1 << 19,      /* further parameters were dropped */
};

/* "8-bit bytes in a header" and the like, for logs and replies: of the lowest bit that is set. */
const char *mime_fault_text(unsigned faults);

struct mime_limits {
	unsigned depth;      /* 100: nested multiparts and messages */
	unsigned parts;      /* 10000 in all */
	size_t header_bytes; /* of one header block, 256 KiB; fields behind it are not looked at */
	unsigned params;     /* 200 of one field */
};
extern const struct mime_limits mime_default_limits;

enum { MIME_BOUNDARY_MAX = 250, MIME_LINE_MAX = 998 };

struct mime_result {
	struct mime_part *root;
	unsigned faults;
	unsigned parts;
	size_t header_bytes; /* of the message's own header block, as it stands */
	size_t longest_line; /* without its end */
};

/*
 * The parser.  Header text that is kept is copied to the arena, so pushed bytes may go away.
 * push: false when the arena is full; further pushes do nothing and finish returns -1.
 * A message/rfc822 in base64 or QP, a multipart without boundary and what is nested too deep are
 * not opened: they stay leaves with their type (show them as application/octet-stream).  Boundaries
 * are matched as whole lines, the innermost multipart's first; an outer one ends all inside.
 */
struct mime_parser;
/* NULL when the arena has no room. */
struct mime_parser *mime_parser_new(struct arena *a, const struct mime_limits *limits);
bool mime_parser_push(struct mime_parser *p, struct str bytes);
int mime_parser_finish(struct mime_parser *p, struct mime_result *out);

/* All at once. */
int mime_parse(
    struct arena *a, struct str message, const struct mime_limits *limits, struct mime_result *out);

/*
 * The part an IMAP section names (RFC 3501, 6.4.5): numbers {1,2} for BODY[1.2].  No numbers: the
 * root.  NULL when there is none.  For a part with .message set, HEADER and TEXT are those of its
 * child; MIME is the part's own header.
 */
const struct mime_part *mime_find(const struct mime_part *root, const unsigned *numbers, size_t n);

/* ---- conversion ------------------------------------------------------------------------------ */

/*
 * Rewrites a message for those who can't take it as it is.  The result keeps its structure; parts
 * and fields that need no change stay byte for byte; decoded, every part is what it was.  Parts
 * that change get X-Mime-Autoconverted, naming `by`.
 *
 * What is inside multipart/signed is covered by the signature as it stands and is never changed
 * unless MIME_BREAK_SIGNED is given (RFC 1847, 2.1): 8-bit bytes then stay; see mime_convert_kept.
 */
enum mime_convert_flags {
	MIME_TO_7BIT = 1,    /* 8-bit and binary bodies become quoted-printable (RFC 6152, 3) */
	MIME_TO_8BIT = 2,    /* quoted-printable text that lines of 8-bit can carry is decoded */
	MIME_TO_ASCII = 4,   /* 8-bit header fields: see mime_header_to_ascii */
	MIME_ADD_FIELDS = 8, /* a message without MIME fields is called UTF-8 text */
	MIME_BREAK_SIGNED = 16,
	/* A message with CRLFs and binary parts (RFC 3030) becomes lines that end with LF: parts
	 * that are declared binary, or hold a CR or LF that stands alone, become base64, byte for
	 * byte. Only by itself; see mime_convert_bare. */
	MIME_TO_LINES = 32,
};

struct mime_source {
	/* Exactly n bytes at that offset into p, or false. */
	bool (*read)(void *ctx, char *p, size_t n, uint64_t at);
	void *ctx;
};

/*
 * The work is planned first (one look at the headers; memory by number of parts, from the arena)
 * and then carried out a slice at a time, so a message of any size passes through little memory.
 * `root` is the parser's result for exactly the bytes of the source.  NULL: the arena is full, the
 * source can't be read, or a header is beyond 1 MiB.  eol: a literal, the line end of new lines.
 */
struct mime_convert;
struct mime_convert *mime_convert_new(struct arena *a, const struct mime_source *s,
    struct mime_part *root, unsigned flags, const char *by, const char *eol);
bool mime_convert_changes(const struct mime_convert *c); /* false: the result is the source */
/* Where 8-bit bytes had to stay that were to go, or an address that ASCII can't write was damaged.
 */
enum mime_kept {
	MIME_KEPT_BODY = 1,   /* of a signed part, or one in an unknown encoding */
	MIME_KEPT_HEADER = 2, /* of a signed part, or with such an address */
};
unsigned mime_convert_kept(const struct mime_convert *c);
/* MIME_TO_LINES, at the end: a CR or LF stood alone where nothing can be encoded. */
bool mime_convert_bare(const struct mime_convert *c);
/* The next slice belongs to the message's own header (with the empty line). */
bool mime_convert_in_header(const struct mime_convert *c);
/* Adds the next slice to out (room for 128 KiB is enough): 1 there is more, 0 that was the end, -1
 * the source can't be read or out is full. */
int mime_convert_next(struct mime_convert *c, struct buf *out);

/* All at once, from memory and with the line end the message has. */
bool mime_convert_text(struct arena *a, struct str message, struct mime_part *root, unsigned flags,
    const char *by, struct buf *out);

/* One header field (with its line end) without 8-bit bytes: text and names as encoded words,
 * parameters by RFC 2231, domains as A-labels; where ASCII has no form (ids, trace fields) '?'.
 * 1 done, 0 done but an address was damaged, -1 no memory. */
int mime_header_to_ascii(struct arena *a, struct str raw, const char *eol, struct buf *out);

/* ---- fields ---------------------------------------------------------------------------------- */

struct mime_type {
	struct str type, subtype; /* lower case */
	struct mime_param *params;
};

/* Bodies of Content-Type and Content-Disposition (there `type` alone is set).  false: can't be
 * read (or the arena is full).  *faults gets bits, may be NULL. */
bool mime_type_parse(
    struct arena *a, struct str body, unsigned max_params, struct mime_type *out, unsigned *faults);
bool mime_disposition_parse(
    struct arena *a, struct str body, unsigned max_params, struct mime_type *out, unsigned *faults);
enum mime_cte mime_cte_parse(struct str body);

/* The parameter as it stands, .p NULL when there is none.  name: lower case. */
struct str mime_param_raw(const struct mime_param *params, const char *name);
/* The parameter with RFC 2231 continuations joined, decoded to UTF-8 (RFC 2047 words too, since
 * they are common there).  .p NULL when there is none. */
struct str mime_param_value(struct arena *a, const struct mime_param *params, const char *name);

/* ---- RFC 2047 -------------------------------------------------------------------------------- */

/* Decodes the encoded words of an unfolded header body to UTF-8; bytes that are neither ASCII nor
 * UTF-8 are taken as windows-1252.  Words that can't be decoded stay as they are.  .p NULL when the
 * arena is full. */
struct str mime_words_decode(struct arena *a, struct str text);

/* Encodes UTF-8 text for an unstructured field or (phrase) a display name: as it is when ASCII is
 * enough, else as words of at most 75 octets parted by eol and a blank.  column: where in the line
 * the text starts. */
bool mime_words_encode(
    struct buf *out, struct str utf8, bool phrase, size_t column, const char *eol);

/* ---- content transfer encodings -------------------------------------------------------------- */

/* Streaming decoder; identity for everything but QP and base64.  Tolerant, as RFC 2045 asks: what
 * is not in the alphabet is skipped and counted as damage.  Text keeps the line ends it has. */
struct mime_decoder {
	enum mime_cte cte;
	bool damaged;
	bool ended; /* base64: padding seen */
	unsigned n;
	uint32_t bits;
	size_t held; /* QP: bytes in hold */
	char hold[80];
};
void mime_decoder_init(struct mime_decoder *d, enum mime_cte cte);
bool mime_decode(struct mime_decoder *d, struct str in, struct buf *out); /* false: out is full */
bool mime_decode_end(struct mime_decoder *d, struct buf *out);

/* Streaming encoder to lines of at most 76 octets; eol is a literal.  QP reads LF or CRLF as the
 * line end; binary (MIME_BASE64) takes bytes as they are. */
struct mime_encoder {
	enum mime_cte cte;
	const char *eol;
	/* QP: set after init, a line never begins with "-": an escape must not make a boundary
	 * of it. */
	bool guard_dashes;
	size_t column;
	unsigned n;
	unsigned char hold[3];
};
void mime_encoder_init(struct mime_encoder *e, enum mime_cte cte, const char *eol);
bool mime_encode(struct mime_encoder *e, struct str in, struct buf *out);
bool mime_encode_end(struct mime_encoder *e, struct buf *out);

#endif
