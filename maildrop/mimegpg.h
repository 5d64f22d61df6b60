/* mimegpg: signs, encrypts, opens and checks parts of messages with GnuPG (RFC 3156). */
#ifndef COURIER_MAILDROP_MIMEGPG_H
#define COURIER_MAILDROP_MIMEGPG_H

#include "mime/mime.h"

enum {
	MIMEGPG_MESSAGE_MAX = 256 << 20, /* bytes, in and out */
	MIMEGPG_SAID_MAX = 1 << 20,      /* of what gpg tells */
	MIMEGPG_LAYERS_MAX = 10,         /* protected parts inside protected parts */
	MIMEGPG_DEPTH_MAX = 100
};

struct mimegpg {
	bool sign, encrypt, whole, decrypt, check; /* whole: -E */
	int passphrase;                            /* descriptor, -1 */
	char **more;                               /* options for gpg; NULL ends */
	struct arena *arena;
	unsigned layers;
};

_Noreturn void mimegpg_fail(const char *what);

/* ---- gpg ------------------------------------------------------------------------------------- */

struct gpg_result {
	struct buf out, said; /* standard output and error */
	const char *micalg;   /* of a signature */
	int status;           /* of exit; 128 when it was killed */
};

/* args: ends with NULL; "%s" in it becomes the path of a file with `file`. */
void gpg_run(struct mimegpg *g, const char *const *args, struct str in, struct str file,
    struct gpg_result *out);
void gpg_result_free(struct gpg_result *r);

/* ---- texts ----------------------------------------------------------------------------------- */

struct str mimegpg_bytes(struct str message, size_t start, size_t end);
/* Fields of a header block: those of MIME (but Mime-Version), or the others. */
void mimegpg_fields(struct str header, bool mime, struct buf *out);
/* Every line end as CRLF: what is signed. */
void mimegpg_crlf(struct str text, struct buf *out);
void mimegpg_boundary(char out[32]);
bool mimegpg_is(const struct mime_part *p, const char *type, const char *subtype);
/* The body of a part without its transfer encoding. */
void mimegpg_decode(struct str message, const struct mime_part *p, struct buf *out);

/* ---- what is done with a part: true when something was, and out has its replacement ------------
 */

bool mimegpg_protect(
    struct mimegpg *g, struct str message, struct mime_part *p, bool top, struct buf *out);
bool mimegpg_open(
    struct mimegpg *g, struct str message, struct mime_part *p, bool top, struct buf *out);
/* The whole tree, into out. */
void mimegpg_walk(struct mimegpg *g, struct str message, struct buf *out);

#endif
