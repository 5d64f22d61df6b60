/* The variables of a run, and the environment made of them. */
#include "config.h"

#include "filter/filter-private.h"

#include <stdlib.h>

enum { ENVIRON_BYTES_MAX = 1 << 20, ENVIRON_VALUE_MAX = 100 * 1024 };

struct variable {
	size_t n;
	char text[];
};

bool filter_set(struct filter_run *r, struct str name, struct str value)
{
	struct variable *old = map_get(r->vars, name);
	size_t before = old ? old->n : 0;
	if (value.n > FILTER_VALUE_MAX || name.n > 1000 ||
	    r->vars_size - before + value.n + name.n + 64 > FILTER_VARS_MAX)
		return false;
	struct variable *v = mem_alloc(sizeof *v + value.n + 1);
	v->n = value.n;
	if (value.n)
		memcpy(v->text, value.p, value.n);
	v->text[value.n] = 0;
	if (!map_set(r->vars, name, v)) {
		free(v);
		return false;
	}
	r->vars_size += value.n - before + (old ? 0 : name.n + 64);
	free(old);
	return true;
}

void filter_unset(struct filter_run *r, struct str name)
{
	struct variable *v = map_del(r->vars, name);
	if (v)
		r->vars_size -= v->n + name.n + 64;
	free(v);
}

struct str filter_get_str(const struct filter_run *r, struct str name)
{
	const struct variable *v = map_get(r->vars, name);
	return v ? str_at(v->text, v->n) : STR("");
}

struct str filter_get(const struct filter_run *r, const char *name)
{
	return filter_get_str(r, str_of(name));
}

int64_t filter_number(const struct filter_run *r, const char *name, int64_t otherwise)
{
	int64_t n;
	return str_i64(str_trim(filter_get(r, name)), &n) ? n : otherwise;
}

static bool can_be_exported(struct str name, const struct variable *v)
{
	if (!name.n || ascii_digit((unsigned char)name.p[0]) || v->n > ENVIRON_VALUE_MAX)
		return false;
	for (size_t i = 0; i < name.n; i++)
		if (!ascii_alnum((unsigned char)name.p[i]) && name.p[i] != '_')
			return false;
	return !memchr(v->text, 0, v->n);
}

/* What is too large for an environment is left out: the program runs without it. */
char **filter_environ(const struct filter_run *r)
{
	VEC(char *) env = {0};
	size_t at = 0, bytes = 0;
	struct str name;
	void *value;
	while (map_next(r->vars, &at, &name, &value)) {
		const struct variable *v = value;
		if (!can_be_exported(name, v) || bytes + v->n > ENVIRON_BYTES_MAX)
			continue;
		bytes += v->n + name.n + 2;
		vec_push(&env, mem_printf("%.*s=%s", STR_FMT(name), v->text));
	}
	vec_push(&env, NULL);
	return env.v;
}

void filter_environ_free(char **env)
{
	for (char **e = env; e && *e; e++)
		free(*e);
	free(env);
}
