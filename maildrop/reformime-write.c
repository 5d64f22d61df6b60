/* reformime: messages mended and converted (-r, -r7, -r8, -rU). */
#include "config.h"

#include "maildrop/reformime.h"

#include <errno.h>
#include <stdio.h>

struct writer {
	const struct reformime *r;
	struct buf out;
	size_t done; /* of the message */
	bool decode; /* -rU */
};

static void copy_to(struct writer *w, size_t end)
{
	buf_adds(&w->out, str_head(str_skip(w->r->message, w->done), end - w->done));
	w->done = end;
}

/* What the part should be called; NULL: it is right as it is. */
static const char *better_encoding(const struct writer *w, const struct mime_part *p)
{
	if (p->child || !p->has_encoding)
		return NULL;
	if (w->decode && p->cte == MIME_QP)
		return str_has_8bit(reformime_content(w->r, p)) ? "8bit" : "7bit";
	bool said_8bit = p->cte == MIME_8BIT || p->cte == MIME_BINARY || str_is(p->encoding, "raw");
	return said_8bit && !p->has_8bit && p->body.lines ? "7bit" : NULL;
}

/* The header with another Content-Transfer-Encoding. */
static void relabel(struct writer *w, const struct mime_part *p, const char *encoding)
{
	struct str block = reformime_range(w->r, p->header);
	struct header_field f;
	copy_to(w, p->header.start);
	while (header_next(&block, &f)) {
		if (!str_iis(f.name, "Content-Transfer-Encoding"))
			buf_adds(&w->out, f.raw);
		else
			buf_addf(&w->out,
			    "Content-Transfer-Encoding: %s\nX-Mime-Autoconverted: from %.*s to %s "
			    "by reformime\n",
			    encoding, STR_FMT(p->encoding), encoding);
	}
	buf_addc(&w->out, '\n');
	w->done = p->body.start;
	if (w->decode && p->cte == MIME_QP) {
		buf_adds(&w->out, reformime_content(w->r, p));
		w->done = p->body.end;
	}
}

/* What is signed stays as it was signed. */
static void mend(struct writer *w, const struct mime_part *p)
{
	const char *encoding = better_encoding(w, p);
	if (encoding)
		relabel(w, p, encoding);
	if (!(str_is(p->type, "multipart") && str_is(p->subtype, "signed")))
		for (const struct mime_part *c = p->child; c; c = c->next)
			mend(w, c);
}

/* Fields that every MIME message has. */
static void add_fields(struct writer *w)
{
	const struct mime_part *root = w->r->mime.root;
	struct header_field f;
	struct str block = reformime_range(w->r, root->header);
	size_t body;
	copy_to(w, root->header.start + header_length(block, &body));
	if (!header_find(block, "Mime-Version", &f))
		buf_addz(&w->out, "Mime-Version: 1.0\n");
	if (!header_find(block, "Content-Type", &f))
		buf_addz(&w->out, "Content-Type: text/plain; charset=UTF-8\n");
	if (!root->has_encoding && !root->child)
		buf_addf(
		    &w->out, "Content-Transfer-Encoding: %s\n", root->has_8bit ? "8bit" : "7bit");
}

static void convert(const struct reformime *r, struct str message, unsigned flags)
{
	struct mime_result m;
	struct buf out;
	buf_init(&out, (size_t)2 * REFORMIME_INPUT_MAX);
	if (mime_parse(r->arena, message, &mime_default_limits, &m) < 0 ||
	    !mime_convert_text(r->arena, message, m.root, flags, "reformime", &out))
		reformime_fail("cannot convert the message", "it is too large");
	reformime_put(buf_str(&out));
}

int reformime_rewrite(const struct reformime *r, char how)
{
	struct writer w = {.r = r, .decode = how == 'U'};
	buf_init(&w.out, (size_t)2 * REFORMIME_INPUT_MAX);
	/* the root's own label is mended together with its header, so fields are added before */
	if (better_encoding(&w, r->mime.root) == NULL)
		add_fields(&w);
	mend(&w, r->mime.root);
	copy_to(&w, r->message.n);
	unsigned flags = how == '7' ? MIME_TO_7BIT : how == '8' ? MIME_TO_8BIT : 0;
	if (flags)
		convert(r, buf_str(&w.out), flags);
	else
		reformime_put(buf_str(&w.out));
	return 0;
}
