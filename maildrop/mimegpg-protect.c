/* Signing and encrypting. */
#include "config.h"

#include "maildrop/mimegpg.h"

#include <stdio.h>
#include <stdlib.h>

/* The part as an entity of its own that survives every way: 7-bit, its own MIME fields alone. */
static void entity(
    struct mimegpg *g, struct str message, const struct mime_part *p, struct buf *out)
{
	struct buf plain, safe;
	struct mime_result r;
	buf_init(&plain, MIMEGPG_MESSAGE_MAX);
	buf_init(&safe, MIMEGPG_MESSAGE_MAX);
	struct str header = mimegpg_bytes(message, p->header.start, p->header.end);
	mimegpg_fields(header, true, &plain);
	if (!plain.n)
		buf_addz(&plain, "Content-Type: text/plain; charset=utf-8\n");
	buf_addz(&plain, "\n");
	buf_adds(&plain, mimegpg_bytes(message, p->body.start, p->body.end));
	if (plain.failed || mime_parse(g->arena, buf_str(&plain), &mime_default_limits, &r) < 0 ||
	    !mime_convert_text(g->arena, buf_str(&plain), r.root, MIME_TO_7BIT, "mimegpg", &safe))
		mimegpg_fail("the message");
	mimegpg_crlf(buf_str(&safe), out);
	buf_free(&safe);
	buf_free(&plain);
}

static void must_work(const struct gpg_result *r)
{
	if (r->status == 0)
		return;
	fwrite(r->said.p, 1, r->said.n, stderr);
	fprintf(stderr, "mimegpg: gpg ended with status %d; there is no message\n", r->status);
	exit(r->status > 0 && r->status < 128 ? r->status : 1);
}

static void without_cr(struct str text, struct buf *out)
{
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] != '\r' || i + 1 >= text.n || text.p[i + 1] != '\n')
			buf_addc(out, text.p[i]);
}

static void sign(struct mimegpg *g, struct str text, struct buf *out)
{
	static const char *const args[] = {"--armor", "--detach-sign", "--output", "-", "-", NULL};
	char boundary[32];
	struct gpg_result r;
	gpg_run(g, args, text, STR_NONE, &r);
	must_work(&r);
	mimegpg_boundary(boundary);
	buf_addf(out,
	    "Content-Type: multipart/signed; boundary=\"%s\";\n"
	    "    micalg=%s; protocol=\"application/pgp-signature\"\n\n"
	    "This message has a signature that a program for OpenPGP can check.\n\n--%s\n",
	    boundary, r.micalg ? r.micalg : "pgp-sha256", boundary);
	without_cr(text, out);
	buf_addf(out, "\n--%s\nContent-Type: application/pgp-signature\n", boundary);
	buf_addz(out, "Content-Transfer-Encoding: 7bit\n\n");
	buf_adds(out, buf_str(&r.out));
	buf_addf(out, "\n--%s--\n", boundary);
	gpg_result_free(&r);
}

static void encrypt(struct mimegpg *g, struct str text, struct buf *out)
{
	static const char *const both[] = {
	    "--armor", "--sign", "--encrypt", "--output", "-", "-", NULL};
	static const char *const one[] = {"--armor", "--encrypt", "--output", "-", "-", NULL};
	char boundary[32];
	struct gpg_result r;
	gpg_run(g, g->sign ? both : one, text, STR_NONE, &r);
	must_work(&r);
	mimegpg_boundary(boundary);
	buf_addf(out,
	    "Content-Type: multipart/encrypted; boundary=\"%s\";\n"
	    "    protocol=\"application/pgp-encrypted\"\n\n"
	    "This message can be read with a program for OpenPGP.\n\n--%s\n"
	    "Content-Type: application/pgp-encrypted\nContent-Transfer-Encoding: 7bit\n\n"
	    "Version: 1\n\n--%s\n"
	    "Content-Type: application/octet-stream\nContent-Transfer-Encoding: 7bit\n\n",
	    boundary, boundary, boundary);
	buf_adds(out, buf_str(&r.out));
	buf_addf(out, "\n--%s--\n", boundary);
	gpg_result_free(&r);
}

bool mimegpg_protect(
    struct mimegpg *g, struct str message, struct mime_part *p, bool top, struct buf *out)
{
	struct buf text;
	if (!g->whole && p->multipart)
		return false; /* its parts, one by one */
	buf_init(&text, MIMEGPG_MESSAGE_MAX);
	entity(g, message, p, &text);
	if (top)
		mimegpg_fields(mimegpg_bytes(message, p->header.start, p->header.end), false, out);
	if (g->encrypt)
		encrypt(g, buf_str(&text), out);
	else
		sign(g, buf_str(&text), out);
	if (text.failed)
		mimegpg_fail("the message is too large");
	buf_free(&text);
	return true;
}
