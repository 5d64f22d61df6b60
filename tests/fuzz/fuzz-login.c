/*
 * What a stranger sends before the login: commands are cut off one after the other as the front
 * does, and their words read.  A command that is whole stays the same with more input behind it,
 * and nothing but a synchronising literal at the very end is asked for.
 */
#include "config.h"

#include "fuzz.h"

#include "auth/auth-proto.h"
#include "login/login-parse.h"

static void words(struct str line)
{
	char *room = malloc(line.n + 1);
	struct login_words w = {line, room};
	struct str tag, word, room_all = str_at(room, line.n);
	if (str_word(&w.rest, &tag))
		(void)login_tag_ok(tag);
	while (login_astring(&w, &word))
		FUZZ_CHECK(fuzz_inside(word, line) || fuzz_inside(word, room_all));
	FUZZ_CHECK(fuzz_inside(w.rest, line));
	free(room);
}

static void one(struct str in, ptrdiff_t n, size_t end)
{
	size_t end2 = 0;
	bool ask;
	FUZZ_CHECK(end == 1 || end == 2);
	FUZZ_CHECK(in.p[(size_t)n + end - 1] == '\n');
	FUZZ_CHECK(login_command_length(str_head(in, (size_t)n + end), &end2, &ask) == n);
	FUZZ_CHECK(end2 == end && !ask);
	words(str_head(in, (size_t)n));
}

static void names(struct str in)
{
	struct str name, domain;
	struct buf out;
	if (!str_split(&in, '\n', &name) || !str_split(&in, '\n', &domain))
		return;
	buf_init(&out, 10000);
	if (auth_full_name(name, domain, in, &out))
		FUZZ_CHECK(out.n == name.n || out.n == name.n + domain.n);
	buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *exact = malloc(size + 1);
	memcpy(exact, data, size);
	struct str in = str_at(exact, size);
	names(in);
	for (;;) {
		size_t end = 0;
		bool ask = false;
		ptrdiff_t n = login_command_length(in, &end, &ask);
		FUZZ_CHECK(
		    n <= (ptrdiff_t)in.n && (!ask || (n == 0 && str_ends(in, STR("}\r\n"))) ||
						(n == 0 && str_ends(in, STR("}\n")))));
		if (end == 0)
			break;
		one(in, n, end);
		in = str_skip(in, (size_t)n + end);
	}
	free(exact);
	return 0;
}
