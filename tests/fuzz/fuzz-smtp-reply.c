/* A server's replies: the result must not depend on how the bytes arrive, and stay bounded. */
#include <stdlib.h>
#include "smtp/reply-read.h"

/* What is within a 558: it comes to an end, and nothing but three digits is a code. */
static uint64_t inner(struct str rest)
{
	struct buf text;
	uint16_t code;
	uint64_t sum = 0;
	buf_init(&text, REPLY_TEXT_MAX);
	for (size_t before = rest.n; reply_inner(&rest, &code, &text); before = rest.n) {
		if (rest.n >= before || code < 100 || code > 999)
			abort();
		sum = sum * 31 + code + text.n;
	}
	buf_free(&text);
	return sum;
}

/* Reads all replies of the text, given `step` bytes more at a time; a sum of what was seen. */
static uint64_t run(const char *p, size_t n, size_t step)
{
	struct reply r;
	uint64_t sum = 0;
	size_t from = 0, shown = 0;
	reply_init(&r);
	while (shown < n || from < shown) {
		size_t used;
		shown = n - shown > step ? shown + step : n;
		enum reply_state st = reply_feed(&r, str_at(p + from, shown - from), &used);
		from += used;
		if (st == REPLY_BROKEN)
			break;
		size_t max = r.code == REPLY_MULTI ? REPLY_MULTI_TEXT_MAX : REPLY_TEXT_MAX;
		if (r.text.n > max || r.lines > REPLY_LINES_MAX)
			abort();
		for (size_t i = 0; i < r.text.n; i++)
			if ((unsigned char)r.text.p[i] < ' ' && r.text.p[i] != '\n')
				abort();
		if (st == REPLY_READY)
			sum = sum * 31 + r.code + r.text.n + inner(buf_str(&r.text));
		else if (shown == n)
			break;
	}
	reply_free(&r);
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	if (n > 20000)
		return 0;
	if (run((const char *)data, n, n + 1) != run((const char *)data, n, 7))
		abort();
	return 0;
}
