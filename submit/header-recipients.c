/* Recipients out of a header (sendmail -t), and the removal of Bcc that goes with it. */
#include "rfc822/rfc822.h"
#include "submit/header.h"

static bool wanted(struct str name, bool resent, bool bcc_only)
{
	if (resent) {
		if (!str_istarts(name, STR("Resent-")))
			return false;
		name = str_skip(name, 7);
	}
	if (str_iis(name, "Bcc"))
		return true;
	return !bcc_only && (str_iis(name, "To") || str_iis(name, "Cc"));
}

static bool has_resent(struct str block)
{
	struct header_field f;
	while (header_next(&block, &f))
		if (wanted(f.name, true, false))
			return true;
	return false;
}

static int add_all(
    struct arena *a, struct str body, void (*add)(void *ctx, struct str address), void *ctx)
{
	struct mailaddr_list list;
	struct buf b;
	if (mailaddr_parse(a, body, MAILADDR_MAX_DEFAULT, &list) < 0)
		return -1;
	buf_init(&b, 4096);
	for (struct mailaddr *m = list.first; m; m = m->next) {
		if (m->kind != MAILADDR_MAILBOX || m->local.n == 0)
			continue;
		buf_clear(&b);
		if (mailaddr_print_spec(&b, m->local, m->domain))
			add(ctx, buf_str(&b));
	}
	buf_free(&b);
	return list.malformed || list.limit;
}

int header_recipients(struct arena *a, struct str block, bool bcc_only,
    void (*add)(void *ctx, struct str address), void *ctx)
{
	struct header_field f;
	bool resent = has_resent(block);
	int bad = 0;
	while (header_next(&block, &f)) {
		if (!wanted(f.name, resent, bcc_only))
			continue;
		int r = add_all(a, f.body, add, ctx);
		if (r < 0)
			return -1;
		bad += r;
	}
	return bad;
}

bool header_without_bcc(struct str block, struct buf *out)
{
	struct header_field f;
	while (header_next(&block, &f))
		if (!str_iis(f.name, "Bcc") && !str_iis(f.name, "Resent-Bcc"))
			buf_adds(out, f.raw);
	return !out->failed;
}
