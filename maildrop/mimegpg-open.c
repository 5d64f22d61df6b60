/* Decrypting and checking. */
#include "config.h"

#include "maildrop/mimegpg.h"

#include <stdlib.h>

/* The two parts that a protected one has, when it is what it says. */
static bool two_parts(const struct mime_part *p, const char *protocol, const char *subtype)
{
	const struct mime_part *a = p->child, *b = a ? a->next : NULL;
	if (!b || b->next || !str_iis(mime_param_raw(p->params, "protocol"), protocol))
		return false;
	return mimegpg_is(str_is(STR("pgp-encrypted"), subtype) ? a : b, "application", subtype);
}

/* What gpg told, as text that can do no harm to the structure. */
static void add_said(const struct gpg_result *r, struct buf *out)
{
	struct mime_encoder e;
	buf_addz(out, "Content-Type: text/plain; charset=utf-8\n"
		      "Content-Transfer-Encoding: quoted-printable\n\n");
	mime_encoder_init(&e, MIME_QP, "\n");
	mime_encode(&e, buf_str(&r->said), out);
	mime_encode_end(&e, out);
}

static void add_result(const struct gpg_result *r, struct str content, bool has, struct buf *out)
{
	char boundary[32];
	mimegpg_boundary(boundary);
	buf_addf(out,
	    "Content-Type: multipart/x-mimegpg; xpgpstatus=\"%d\";\n    boundary=\"%s\"\n\n"
	    "This part was opened by mimegpg.\n\n--%s\n",
	    r->status, boundary, boundary);
	add_said(r, out);
	if (has) {
		buf_addf(out, "\n--%s\n", boundary);
		buf_adds(out, content);
	}
	buf_addf(out, "\n--%s--\n", boundary);
}

/* Protected parts may stand inside each other. */
static void go_on(struct mimegpg *g, struct str content, struct buf *out)
{
	if (g->layers >= MIMEGPG_LAYERS_MAX) {
		buf_adds(out, content);
		return;
	}
	g->layers++;
	mimegpg_walk(g, content, out);
	g->layers--;
}

static void check(struct mimegpg *g, struct str message, struct mime_part *p, struct buf *out)
{
	static const char *const args[] = {"--batch", "--verify", "%s", "-", NULL};
	struct mime_part *body = p->child;
	struct gpg_result r;
	struct buf text, signature, inside;
	buf_init(&text, MIMEGPG_MESSAGE_MAX);
	buf_init(&signature, MIMEGPG_SAID_MAX);
	buf_init(&inside, MIMEGPG_MESSAGE_MAX);
	struct str content = mimegpg_bytes(message, body->header.start, body->body.end);
	mimegpg_crlf(content, &text);
	mimegpg_decode(message, body->next, &signature);
	if (!signature.n)
		buf_addz(&signature, "\n"); /* gpg then says what it misses */
	gpg_run(g, args, buf_str(&text), buf_str(&signature), &r);
	go_on(g, content, &inside);
	add_result(&r, buf_str(&inside), true, out);
	gpg_result_free(&r);
	buf_free(&inside);
	buf_free(&signature);
	buf_free(&text);
}

static void decrypt(struct mimegpg *g, struct str message, struct mime_part *p, struct buf *out)
{
	static const char *const args[] = {"--decrypt", "--output", "-", "-", NULL};
	struct gpg_result r;
	struct buf secret, inside;
	buf_init(&secret, MIMEGPG_MESSAGE_MAX);
	buf_init(&inside, MIMEGPG_MESSAGE_MAX);
	mimegpg_decode(message, p->child->next, &secret);
	gpg_run(g, args, buf_str(&secret), STR_NONE, &r);
	if (r.status == 0)
		go_on(g, buf_str(&r.out), &inside);
	add_result(&r, buf_str(&inside), r.status == 0, out);
	gpg_result_free(&r);
	buf_free(&inside);
	buf_free(&secret);
}

bool mimegpg_open(
    struct mimegpg *g, struct str message, struct mime_part *p, bool top, struct buf *out)
{
	bool signed_part = g->check && mimegpg_is(p, "multipart", "signed") &&
			   two_parts(p, "application/pgp-signature", "pgp-signature");
	bool secret = g->decrypt && mimegpg_is(p, "multipart", "encrypted") &&
		      two_parts(p, "application/pgp-encrypted", "pgp-encrypted");
	if (!signed_part && !secret)
		return false;
	if (top)
		mimegpg_fields(mimegpg_bytes(message, p->header.start, p->header.end), false, out);
	if (signed_part)
		check(g, message, p, out);
	else
		decrypt(g, message, p, out);
	return true;
}
