/* Both decoders of the module protocol; what a result decoder takes must come out the same again.
 */
#include "config.h"

#include "module/module-claim.h"
#include "module/module-file.h"
#include "module/module-proto.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The same of the gate's questions. */
static void claims(struct str text, struct arena *a)
{
	struct claim_ask q;
	struct claim_answer w, again;
	struct module_claim c;
	struct buf b;
	claim_decode_ask(text, a, &q);
	module_claim_parse(text, &c);
	if (claim_decode_answer(text, a, &w))
		return;
	buf_init(&b, 4 * text.n + 1024);
	if (!claim_encode_answer(&w, &b) || claim_decode_answer(buf_str(&b), a, &again) ||
	    w.claim != again.claim || !str_eq(w.to, again.to))
		abort();
	buf_free(&b);
}

static void synced(
    void *ctx UNUSED, struct str id UNUSED, uint32_t num UNUSED, enum module_sync how)
{
	if (how > MODULE_SYNC_FAILED)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_at(data, size), body;
	struct module_delivery d;
	struct module_result r, again;
	uint64_t n;
	uint32_t num;
	bool done;
	struct arena *a = arena_new(1024 * 1024);
	if (!a)
		return 0;
	module_decode_delivery(text, a, &d, &body, &n);
	module_decode_done(text, &n);
	module_decode_synced(text, synced, NULL);
	if (module_decode_result(text, a, &n, &num, &r, &done) == 0) {
		struct buf b;
		buf_init(&b, 4 * size + 1024);
		if (!module_encode_result(n, num, &r, done, &b) ||
		    module_decode_result(buf_str(&b), a, &n, &num, &again, &done) ||
		    !str_eq(r.diagnostic, again.diagnostic) || r.code != again.code)
			abort();
		buf_free(&b);
	}
	claims(text, a);
	arena_free(a);
	return 0;
}
