#include "config.h"

#include "base/child.h"
#include "local/worker-drop.h"

enum { WORDS_MAX = 64 };

/* Nothing in it means anything to a shell. */
static bool plain(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_alnum((unsigned char)s.p[i]) && !strchr("_./@%+=:,-", s.p[i]))
			return false;
	return true;
}

static bool name_of_variable(struct str s)
{
	if (!s.n || ascii_digit((unsigned char)s.p[0]))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_alnum((unsigned char)s.p[i]) && s.p[i] != '_')
			return false;
	return true;
}

/* $NAME or ${NAME}. */
static bool variable(struct str s, char *const *env, struct str *value)
{
	s = str_skip(s, 1);
	if (s.n > 1 && s.p[0] == '{' && s.p[s.n - 1] == '}')
		s = str_at(s.p + 1, s.n - 2);
	bool ok = name_of_variable(s);
	const char *v = ok ? child_env(env, s) : NULL;
	*value = str_of(v ? v : "");
	return ok;
}

/* What a shell would make of one word; NULL: it is left to a shell. */
static char *word_value(struct arena *a, struct str w, char *const *env)
{
	struct str v;
	bool quoted = w.n > 1 && w.p[0] == '"' && w.p[w.n - 1] == '"';
	if (quoted)
		w = str_at(w.p + 1, w.n - 2);
	if (!w.n || w.p[0] != '$')
		return plain(w) ? arena_strz(a, w) : NULL;
	/* without quotes a shell splits it, and drops it when it is empty */
	if (!variable(w, env, &v) || (!quoted && (!v.n || !plain(v))))
		return NULL;
	return arena_strz(a, v);
}

static bool number(const char *text, uint64_t most, int *out)
{
	uint64_t n;
	if (!text || !str_u64(str_of(text), &n) || n > most)
		return false;
	*out = (int)n;
	return true;
}

/* One option at w[0]; the words it took, 0: not one of ours. */
static size_t option(char **w, struct drop_command *out)
{
	if (!strcmp(w[0], "--why")) {
		out->why = true;
		return 1;
	}
	if (w[0][0] != '-' || !w[0][1] || !strchr("dwWV", w[0][1]))
		return 0;
	const char *value = w[0][2] ? w[0] + 2 : w[1];
	size_t took = w[0][2] ? 1 : 2;
	switch (w[0][1]) {
	case 'd':
		out->user = value;
		return value ? took : 0;
	case 'W':
		out->warn_file = value;
		return value ? took : 0;
	case 'w':
		return number(value, 100, &out->warn_percent) ? took : 0;
	default:
		return number(value, 9, &out->verbose) ? took : 0;
	}
}

bool drop_command_read(
    struct arena *a, const char *rest, char *const *env, struct drop_command *out)
{
	struct str line = str_of(rest), word;
	char **w = arena_zero(a, (WORDS_MAX + 2) * sizeof *w);
	size_t n = 0;
	*out = (struct drop_command){.warn_percent = -1};
	if (str_has_ctl(line))
		return false;
	while (w && str_word(&line, &word))
		if (n == WORDS_MAX || !(w[n++] = word_value(a, word, env)))
			return false;
	while (w && w[0] && w[0][0] == '-') {
		size_t took = option(w, out);
		if (!took)
			return false;
		w += took;
	}
	if (w && !out->user && w[0])
		out->file = *w++;
	out->args = w;
	return w != NULL;
}
