/* Address lists and SMTP paths: ranges lie in the input; what was read and printed reads the same.
 */
#include "config.h"

#include "rfc822/rfc822.h"
#include "tests/fuzz/fuzz.h"

static void check_list(struct str in, const struct mailaddr_list *l)
{
	size_t n = 0, depth = 0;
	const char *at = in.p;
	for (const struct mailaddr *m = l->first; m; m = m->next) {
		n += m->kind == MAILADDR_MAILBOX;
		depth += m->kind == MAILADDR_GROUP_BEGIN;
		depth -= m->kind == MAILADDR_GROUP_END;
		FUZZ_CHECK(depth <= 1);
		FUZZ_CHECK(fuzz_inside(m->spec, in) && fuzz_inside(m->angle, in));
		struct str whole = m->angle.n ? m->angle : m->spec;
		FUZZ_CHECK(m->angle.n == 0 || fuzz_inside(m->spec, m->angle));
		if (whole.n) {
			FUZZ_CHECK(whole.p >= at);
			at = whole.p + whole.n;
		}
	}
	FUZZ_CHECK(depth == 0 && n == l->mailboxes);
}

static void check_same(const struct mailaddr *x, const struct mailaddr *y)
{
	for (; x && y; x = x->next, y = y->next) {
		FUZZ_CHECK(x->kind == y->kind);
		FUZZ_CHECK(str_eq(x->local, y->local) && str_eq(x->domain, y->domain));
		FUZZ_CHECK(str_eq(x->name, y->name));
	}
	FUZZ_CHECK(!x && !y);
}

static void lists(struct arena *a, struct str in)
{
	struct mailaddr_list l, again;
	struct buf out;
	if (mailaddr_parse(a, in, 1000, &l) < 0)
		return;
	check_list(in, &l);
	buf_init(&out, 1 << 22);
	mailaddr_print_field(&out, "To", l.first, "\r\n");
	FUZZ_CHECK(!out.failed);
	struct str rest = buf_str(&out);
	struct header_field f;
	FUZZ_CHECK(header_next(&rest, &f) && rest.n == 0); /* one field, whatever was in it */
	bool empty_local = false;
	for (const struct mailaddr *m = l.first; m; m = m->next)
		empty_local = empty_local || (m->local.n == 0 && m->domain.n);
	if (!l.malformed && !l.limit && !empty_local &&
	    mailaddr_parse(a, f.body, 1000, &again) == 0)
		check_same(l.first, again.first);
	buf_free(&out);
}

/* What was decoded says nothing that could end a line, and encodes to what decodes the same. */
static void verps(struct str in)
{
	struct buf sender, recipient, again, s2, r2;
	buf_init(&sender, 1 << 20);
	buf_init(&recipient, 1 << 20);
	buf_init(&again, 1 << 22);
	buf_init(&s2, 1 << 22);
	buf_init(&r2, 1 << 22);
	if (verp_decode(in, &sender, &recipient)) {
		FUZZ_CHECK(!str_has_ctl(buf_str(&recipient)));
		FUZZ_CHECK(verp_encode(buf_str(&sender), buf_str(&recipient), &again));
		if (verp_decode(buf_str(&again), &s2, &r2))
			FUZZ_CHECK(str_eq(buf_str(&recipient), buf_str(&r2)));
	}
	buf_free(&sender);
	buf_free(&recipient);
	buf_free(&again);
	buf_free(&s2);
	buf_free(&r2);
}

static void paths(struct arena *a, struct str in)
{
	struct mailpath p, again;
	struct str rest = in;
	unsigned flags = MAILPATH_UTF8 | MAILPATH_BARE | MAILPATH_NULL;
	if (mailpath_parse(a, &rest, flags, &p) != MAILPATH_OK || p.local.n == 0)
		return;
	struct buf out;
	buf_init(&out, 4000);
	FUZZ_CHECK(mailaddr_print_spec(&out, p.local, p.domain));
	rest = buf_str(&out);
	FUZZ_CHECK(mailpath_parse(a, &rest, flags | MAILPATH_NO_ANGLE, &again) == MAILPATH_OK);
	FUZZ_CHECK(str_eq(p.local, again.local) && str_eq(p.domain, again.domain));
	buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(16 << 20);
	lists(a, str_at(data, size));
	verps(str_at(data, size));
	paths(a, str_at(data, size));
	arena_free(a);
	return 0;
}
