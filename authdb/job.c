#include "config.h"

#include "authdb/authdb.h"

#include <stdio.h>

void authdb_fail(struct authdb_job *j, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	log_vmsg(LOG_LEVEL_ERROR, NULL, fmt, ap);
	va_end(ap);
	j->verdict = AUTHDB_UNKNOWN;
}

void authdb_down(struct authdb_job *j, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(j->work.why, sizeof(j->work.why), fmt, ap);
	va_end(ap);
	j->work.down = true;
	j->verdict = AUTHDB_UNKNOWN;
}

bool authdb_add_item(struct authdb_job *j, const struct auth_account *a)
{
	struct authdb_item *i = arena_new_of(j->arena, struct authdb_item);
	if (!i)
		return false;
	struct str *const texts[] = {&i->a.name, &i->a.sysuser, &i->a.home, &i->a.maildir,
	    &i->a.quota, &i->a.fullname, &i->a.options};
	i->a = *a;
	for (size_t k = 0; k < ARRAY_LEN(texts); k++) {
		bool any = texts[k]->n > 0;
		*texts[k] = any ? arena_str(j->arena, *texts[k]) : STR_NONE;
		if (any && !texts[k]->p)
			return false;
	}
	*j->last = i;
	j->last = &i->next;
	return true;
}

bool authdb_id(struct str s, uint32_t *out)
{
	uint64_t n;
	if (!str_u64(str_trim(s), &n) || n >= UINT32_MAX)
		return false;
	*out = (uint32_t)n;
	return true;
}

struct str authdb_full_name(struct str name, const char *domain, struct arena *a)
{
	if (str_chr(name, '@') >= 0 || !*domain)
		return name;
	char *full = arena_printf(a, "%.*s@%s", STR_FMT(name), domain);
	return str_of(full);
}

bool authdb_is_instruction(struct str how)
{
	return how.n && memchr("|!&", how.p[0], 3);
}

const char *authdb_deliver_by(struct authdb_job *j, struct str how)
{
	if (str_is(j->service, "courier")) {
		j->a.maildir = how;
		return NULL;
	}
	if (!how.n || !str_is(j->service, "local"))
		return NULL;
	if (str_chr(how, ',') >= 0)
		return "a comma in the instructions for its mail";
	char *all = arena_printf(j->arena, "%.*s%sdefaultdelivery=%.*s", STR_FMT(j->a.options),
	    j->a.options.n ? "," : "", STR_FMT(how));
	j->a.options = str_of(all);
	return all ? NULL : "too large";
}
