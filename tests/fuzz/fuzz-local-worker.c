/* What a worker reads from its edge, and the texts it works on. */
#include "config.h"

#include "local/worker.h"
#include "broker/broker-proto.h"
#include "broker/local-key.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void quote(struct str in)
{
	struct buf whole, parts;
	unsigned a = 0, b = 0;
	buf_init(&whole, 4 * in.n + 64);
	buf_init(&parts, 4 * in.n + 64);
	mbox_quote(in, &a, &whole);
	mbox_quote_end(&a, &whole);
	for (size_t i = 0; i < in.n; i++)
		mbox_quote(str_at(in.p + i, 1), &b, &parts);
	mbox_quote_end(&b, &parts);
	if (!str_eq(buf_str(&whole), buf_str(&parts)) ||
	    str_starts(buf_str(&whole), STR("From ")) ||
	    str_find(buf_str(&whole), STR("\nFrom ")) >= 0)
		abort();
	buf_free(&whole);
	buf_free(&parts);
}

static void key(struct str in)
{
	struct arena *a = arena_new(256 * 1024);
	struct local_key k;
	struct buf again;
	buf_init(&again, 4 * LOCAL_KEY_MAX);
	if (local_key_parse(in, a, &k) && !local_key_format(&k, &again))
		abort();
	buf_free(&again);
	arena_free(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = str_at(data, size);
	struct ipc_msg m = {
	    .type = (uint16_t)(size ? data[0] & 7 : 0), .body = str_skip(in, 1), .fd = -1};
	struct worker_delivery d;
	struct worker_result r;
	struct worker_filter f;
	struct worker_filtered told;
	struct broker_request q;
	if (worker_read_delivery(&m, &d) && (d.body.n != d.size || d.home.p[0] != '/'))
		abort();
	worker_read_result(&m, &r);
	if (worker_read_filter(&m, &f) && (f.program.p[0] != '/' || f.home.p[0] != '/'))
		abort();
	if (worker_read_filtered(&m, &told) && told.output.n > BROKER_OUTPUT_MAX)
		abort();
	if (broker_request_read(&m, &q) && q.name.n > BROKER_NAME_MAX)
		abort();
	header_delivered_to(in, STR("a@b"));
	quote(in);
	key(in);
	return 0;
}
