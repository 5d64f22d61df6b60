/* What filters say and write: results stay bounded and printable, and a reply means the same in one
 * piece and in its pieces. */
#include "fuzz.h"

#include "submit/filter-control.h"
#include "submit/filter-reply.h"

static void check_reply(const struct gate_reply *r)
{
	FUZZ_CHECK(r->code >= 200 && r->code < 600 && r->code / 100 != 3);
	FUZZ_CHECK(r->enhanced.n >= 5 && r->enhanced.p[0] == '0' + r->code / 100);
	FUZZ_CHECK(r->text.n <= FILTER_REPLY_MAX);
	for (size_t i = 0; i < r->text.n; i++) {
		unsigned char c = (unsigned char)r->text.p[i];
		FUZZ_CHECK(c == '\n' || (c >= 0x20 && c < 0x7f));
	}
}

static void replies(struct str in, struct arena *a)
{
	struct gate_reply r;
	enum filter_reply_state whole = filter_reply_read(in, true, a, &r);
	FUZZ_CHECK(whole != FILTER_REPLY_MORE);
	if (whole == FILTER_REPLY_DONE)
		check_reply(&r);
	for (size_t n = 0; n < in.n && n < 64; n++)
		if (filter_reply_read(str_head(in, n), false, a, &r) == FILTER_REPLY_BAD) {
			FUZZ_CHECK(whole == FILTER_REPLY_BAD);
			break;
		}
}

static void outputs(struct str in, struct arena *a)
{
	const struct filter_refusal how = {
	    .code = 450, .silent_code = 571, .silent = STR("no"), .heading = str_head(in, 5)};
	struct gate_reply r;
	if (in.n <= 4096 && filter_output_read(in, &how, a, &r)) {
		check_reply(&r);
		FUZZ_CHECK(r.code >= 400);
	}
}

static void controls(struct str in, struct arena *a)
{
	static const struct str before =
	    STR_INIT("sx@y\ne\nt\nM0000000000000001.0000000000000002.00000003\nra@b\nR\nN\n");
	struct buf after, added, both;
	struct envelope e;
	const char *why = NULL;
	buf_init(&after, 1024 * 1024);
	buf_init(&added, FILTER_ADDED_MAX);
	buf_init(&both, 1024 * 1024);
	buf_adds(&after, before);
	buf_adds(&after, in);
	if (filter_control_added(before, buf_str(&after), a, &added, &why) == 0) {
		FUZZ_CHECK(added.n <= in.n);
		buf_adds(&both, before);
		buf_adds(&both, buf_str(&added));
		FUZZ_CHECK(envelope_decode(buf_str(&both), a, &e, &why) == 0 && e.n_rcpts >= 1);
	} else
		FUZZ_CHECK(why);
	buf_free(&after);
	buf_free(&added);
	buf_free(&both);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = str_at(data, size);
	struct arena *a = arena_new(16 * 1024 * 1024);
	if (!a || size > 65536) {
		arena_free(a);
		return 0;
	}
	replies(in, a);
	outputs(in, a);
	controls(in, a);
	arena_free(a);
	return 0;
}
