/* Paths, addresses there and back, and the lines before a message: what is cut out of the input
 * must lie inside it, and nothing unsafe becomes an argument. */
#include "config.h"

#include "fuzz.h"
#include "rewrite/rewrite.h"
#include "submit/rmail.h"
#include "uucp/uucp.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int known(void *ctx UNUSED, struct str node, unsigned *flags)
{
	*flags = node.n % 8;
	return node.n % 5 != 4;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_at(data, size), node, local, domain, words[UUCP_FLAG_WORDS_MAX];
	struct uucp_route r;
	unsigned flags;
	struct arena *a = arena_new(1024 * 1024);
	struct rewrite_bang b = {.me = STR("me"), .node = STR("node")};
	if (!a)
		return 0;
	if (uucp_find(text, known, NULL, &r) == UUCP_WAY &&
	    (!uucp_safe_word(r.node) || !uucp_safe_word(r.rest) ||
		r.node.n + 1 + r.rest.n != text.n))
		abort();
	uucp_neighbor_line(text, &node, &flags);
	uux_flags(text, words);
	bang_address(&b, text, &local, &domain);
	if (local.n > text.n || domain.n > text.n)
		abort();
	bang_path(a, &b, text, STR("x.example"));
	rmail_sender(a, text);
	arena_free(a);
	return 0;
}
