/* Answers of a program that knows accounts. */
#include "config.h"

#include "authdb/pipe-text.h"

#include <stdlib.h>

static void account(struct str in)
{
	struct authdb_job j = {.kind = AUTHDB_LOOKUP, .arena = arena_new(AUTHDB_JOB_MAX)};
	if (!j.arena)
		return;
	if (!pipe_account(in, &j) && (!j.a.name.n || !j.a.home.n || j.a.gid == UINT32_MAX))
		abort();
	arena_free(j.arena);
}

static void lines(struct str in)
{
	struct str line;
	struct auth_account a;
	while (in.n && str_split(&in, '\n', &line))
		if (pipe_listed(line, &a) == PIPE_ACCOUNT && (!a.name.n || !a.home.n))
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = str_at(data, size);
	enum pipe_answer whole = pipe_answer(AUTHDB_LOOKUP, in);
	/* what is an answer is none before its last byte */
	for (size_t n = 0; whole == PIPE_YES && n < in.n; n++)
		if (pipe_answer(AUTHDB_LOOKUP, str_head(in, n)) != PIPE_MORE)
			abort();
	(void)pipe_answer(AUTHDB_CHANGE, in);
	account(in);
	lines(in);
	return 0;
}
