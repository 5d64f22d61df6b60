#include "tcpd/words.h"

static const char *store(const struct words *w, const struct word_option *o, const char *word)
{
	const char *eq = strchr(word, '=');
	uint64_t n;
	switch (o->kind) {
	case WORD_FLAG:
		*(bool *)o->to = true;
		return eq ? "it takes no value" : NULL;
	case WORD_TEXT:
		if (!eq || !eq[1])
			return "it needs a value, -name=value";
		*(const char **)o->to = eq + 1;
		return NULL;
	case WORD_NUMBER:
		if (!eq || !str_u64(str_of(eq + 1), &n) || n > 1000000)
			return "it needs a number, -name=number";
		*(uint32_t *)o->to = (uint32_t)n;
		return NULL;
	case WORD_OTHER:
		return w->other(w->ctx, word);
	}
	return NULL;
}

static const char *take(const struct words *w, const char *word)
{
	struct str name = str_head(str_of(word + 1), strcspn(word + 1, "=/"));
	for (size_t i = 0; i < w->n; i++)
		if (str_is(name, w->options[i].name))
			return store(w, &w->options[i], word);
	return "there is no such option";
}

int words_take(
    const struct words *w, int argc, char *const *argv, const char **bad, const char **why)
{
	int i = 1;
	for (; i < argc && argv[i][0] == '-'; i++) {
		if (strcmp(argv[i], "--") == 0)
			return i + 1;
		*why = take(w, argv[i]);
		*bad = argv[i];
		if (*why)
			return -1;
	}
	return i;
}
