/* smtpaccess held in memory: the text, looked up like the table. */
#include "access/access.h"
#include <stdlib.h>

struct access {
	struct map *blocks; /* key -> terminated action */
	char lengths[ACCESS_LENGTHS_SIZE];
	void (*bad)(unsigned line, const char *why);
};

static void complain(void *ctx, unsigned line, const char *why)
{
	struct access *a = ctx;
	if (a->bad)
		a->bad(line, why);
}

static int keep_local(void *ctx, struct str k, struct str action, unsigned line)
{
	struct access *a = ctx;
	(void)line;
	if (map_get(a->blocks, k))
		return 0; /* the first line counts, makesmtpaccess complains */
	char *copy = mem_strndup(action.p, action.n);
	if (!map_set(a->blocks, k, copy)) {
		free(copy);
		return -1;
	}
	return 0;
}

static int keep(void *ctx, const struct access_block *b, struct str action, unsigned line)
{
	struct access *a = ctx;
	char key[ACCESS_KEY_SIZE];
	access_key(b, key);
	a->lengths[b->bits] = 1;
	return keep_local(a, str_at(key, sizeof(key)), action, line);
}

struct access *access_new(struct str text, void (*bad)(unsigned line, const char *why))
{
	struct access *a = mem_new(struct access);
	a->blocks = map_new();
	a->bad = bad;
	struct access_reader r = {.block = keep, .bad = complain, .ctx = a, .local = keep_local};
	if (!a->blocks || access_read(text, &r) < 0) {
		access_free(a);
		return NULL;
	}
	return a;
}

void access_free(struct access *a)
{
	if (!a)
		return;
	map_free(a->blocks, free);
	free(a);
}

int access_get(void *access, struct str key, struct str *value)
{
	struct access *a = access;
	if (str_eq(key, ACCESS_LENGTHS)) {
		*value = str_at(a->lengths, sizeof(a->lengths));
		return 1;
	}
	const char *action = map_get(a->blocks, key);
	*value = str_of(action);
	return action != NULL;
}

/* ---- lists of blocks ------------------------------------------------------------------------- */

enum { LIST_TEXT_MAX = 64 * 1024 };

static void add_lines(struct str words, struct buf *text)
{
	struct str line, word;
	while (str_split(&words, '\n', &line))
		while (str_word(&line, &word))
			buf_addf(text, "%.*s\tallow\n", STR_FMT(word));
}

struct access *access_list_new(struct str words, void (*bad)(unsigned line, const char *why))
{
	struct buf text;
	buf_init(&text, LIST_TEXT_MAX);
	add_lines(words, &text);
	struct access *a = text.n ? access_new(buf_str(&text), bad) : NULL;
	buf_free(&text);
	return a;
}

static int pass(void *ctx, const struct access_block *b, struct str action, unsigned line)
{
	return 0;
}

static void note_bad(void *ctx, unsigned line, const char *why)
{
	if (!*(unsigned *)ctx)
		*(unsigned *)ctx = line;
}

bool access_list_explain(struct str words, struct buf *why)
{
	unsigned first = 0;
	struct access_reader r = {.block = pass, .bad = note_bad, .ctx = &first};
	struct buf text;
	buf_init(&text, LIST_TEXT_MAX);
	add_lines(words, &text);
	bool full = text.failed || access_read(buf_str(&text), &r) < 0;
	buf_free(&text);
	if (full)
		buf_addz(why, "the list is too long");
	else if (first)
		buf_addf(why, "word %u is no address and no block of addresses", first);
	return !full && !first;
}
