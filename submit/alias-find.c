#include "submit/alias-find.h"
#include "submit/ldap-alias.h"
#include <stdlib.h>

enum { FIND_ARENA_MAX = 64 * 1024 };

struct alias_find {
	struct gate_process *gate;
	struct policy *policy;
	struct arena *arena;
	struct address address;
	struct str source;
	alias_found cb; /* NULL: cancelled */
	void *ctx;
	struct ldap_alias_question *question;
};

struct alias_find *alias_find_new(struct gate_process *g, struct policy *p, struct str source,
    const struct address *a, alias_found cb, void *ctx)
{
	struct alias_find *f = mem_new(struct alias_find);
	f->arena = arena_new(FIND_ARENA_MAX);
	if (!f->arena) {
		free(f);
		return NULL;
	}
	f->gate = g;
	f->policy = policy_hold(p);
	f->source = arena_str(f->arena, source);
	f->address = *a;
	f->address.local = arena_str(f->arena, a->local);
	f->address.domain = arena_str(f->arena, a->domain);
	f->address.text = arena_str(f->arena, a->text);
	f->address.at = a->at.n ? arena_str(f->arena, a->at) : STR_NONE;
	f->cb = cb;
	f->ctx = ctx;
	return f;
}

static void finish(struct alias_find *f, int result, struct str members)
{
	if (f->cb)
		f->cb(f->ctx, result, members);
	policy_drop(f->policy);
	arena_free(f->arena);
	free(f);
}

/* Lines of accounts become addresses. */
static bool of_domain(struct alias_find *f, struct str lines, struct buf *out)
{
	struct str line;
	bool good = true;
	while (good && str_split(&lines, '\n', &line))
		if (line.n)
			good = alias_of_domain(&f->policy->names, &f->address, line, out);
	return good;
}

static void on_directory(void *ctx, enum ldap_alias_state state, bool domain, struct str lines)
{
	struct alias_find *f = ctx;
	struct buf members;
	if (state != LDAP_ALIAS_FOUND) {
		finish(f, state == LDAP_ALIAS_NONE ? 0 : -1, STR_NONE);
		return;
	}
	buf_init(&members, ALIAS_TEXT_MAX);
	if (!domain)
		finish(f, 1, lines);
	else if (of_domain(f, lines, &members))
		finish(f, 1, buf_str(&members));
	else
		finish(f, -1, STR_NONE);
	buf_free(&members);
}

static int in_tables(struct alias_find *f, struct buf *members)
{
	struct policy *root = policy_root(f->policy);
	enum alias_source source;
	int r = 0;
	if (alias_source_parse(f->source, &source))
		r = aliases_lookup(
		    root->aliases_of[source], &f->policy->names, &f->address, members);
	if (r == 0)
		r = aliases_lookup(root->aliases, &f->policy->names, &f->address, members);
	return r;
}

static void ask_directory(struct alias_find *f)
{
	struct str keys[ALIAS_KEYS_MAX];
	unsigned n = alias_keys(&f->policy->names, f->arena, &f->address, keys);
	f->question = ldap_alias_ask(f->gate->directory, arena_strz(f->arena, f->source),
	    f->address.domain, keys, n, on_directory, f);
}

void alias_find_start(struct alias_find *f)
{
	struct buf members;
	buf_init(&members, ALIAS_TEXT_MAX);
	int r = in_tables(f, &members);
	if (r == 0 && f->gate->directory && ldap_alias_used(f->gate->directory))
		ask_directory(f);
	else
		finish(f, r, buf_str(&members));
	buf_free(&members);
}

void alias_find_cancel(struct alias_find *f)
{
	if (!f)
		return;
	ldap_alias_cancel(f->question);
	f->cb = NULL;
	finish(f, 0, STR_NONE);
}
