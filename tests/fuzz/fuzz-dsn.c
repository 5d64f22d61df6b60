/*
 * A history and the report made from it.  What is read must be written and read back as the same;
 * and whatever stands in it, the report keeps its three parts and gets no header of a stranger's.
 */
#include <stdlib.h>
#include "dsn/compose.h"

static const struct dsn_templates templates = {
    .header = STR_INIT("Content-Type: text/plain; charset=utf-8\n\n[#ME#] [#FROMMTA#] [#x\n"),
    .failed = STR_INIT("failed"),
    .subject_notice = STR_INIT("notice"),
    .subject_warn = STR_INIT("warn"),
};

static void encode(const struct dsn_history *h, struct buf *out)
{
	dsn_history_head(out, h->round, h->from_mta);
	for (size_t i = 0; i < h->n; i++)
		dsn_history_add(out, &h->recipients[i]);
	dsn_history_end(out);
}

static void round_trip(const struct dsn_history *h)
{
	struct arena *a = arena_new(64 * 1024 * 1024);
	struct buf once, twice;
	struct dsn_history again;
	buf_init(&once, DSN_HISTORY_MAX);
	buf_init(&twice, DSN_HISTORY_MAX);
	encode(h, &once);
	if (dsn_history_read(a, buf_str(&once), &again))
		abort();
	encode(&again, &twice);
	if (!str_eq(buf_str(&once), buf_str(&twice)))
		abort();
	buf_free(&once);
	buf_free(&twice);
	arena_free(a);
}

static size_t count(struct str s, const char *what)
{
	size_t n = 0;
	for (ptrdiff_t at; (at = str_find(s, str_of(what))) >= 0; n++)
		s = str_skip(s, (size_t)at + 1);
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena *a = arena_new(64 * 1024 * 1024);
	struct dsn_history h;
	struct buf out;
	struct dsn_facts facts;
	buf_init(&out, DSN_REPORT_MAX);
	if (!dsn_history_read(a, str_at(data, n), &h)) {
		struct str first = h.recipients[0].address;
		struct dsn_report r = {.templates = &templates,
		    .history = &h,
		    .me = STR("me.example"),
		    .to = first,
		    .envid = first,
		    .message_id = STR("id@me"),
		    .boundary = STR("0123456789ABCDEFGHIJKLMN"),
		    .original = STR("Subject: x\n\nbody\n"),
		    .full = n & 1};
		round_trip(&h);
		if (!dsn_compose(&r, &out, &facts) &&
		    (count(buf_str(&out), "\n--=_courier_0123456789ABCDEFGHIJKLMN") < 4 ||
			memchr(out.p, '\r', out.n) || memchr(out.p, 0, out.n)))
			abort();
	}
	buf_free(&out);
	arena_free(a);
	return 0;
}
