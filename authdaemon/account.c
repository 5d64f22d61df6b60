#include "config.h"

#include "authdaemon/account.h"

#include <stdlib.h>
#include <unistd.h>

/* The original's place for code of one's own, which refuses everybody until somebody writes it. */
static enum account_found custom_lookup(struct accounts *s UNUSED, struct str name UNUSED,
    const char *service UNUSED, struct account *out UNUSED)
{
	return ACCOUNT_ABSENT;
}

static int custom_each(struct accounts *s UNUSED, account_listed fn UNUSED, void *ctx UNUSED)
{
	return 0;
}

static const struct backend backend_custom = {
    .name = "authcustom", .lookup = custom_lookup, .each = custom_each};

static const struct backend *const backends[] = {
    &backend_userdb,
#ifdef HAVE_PAM
    &backend_pam,
#endif
    &backend_shadow,
    &backend_custom,
    &backend_pwd,
};

static const struct backend *find_backend(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(backends); i++)
		if (str_is(name, backends[i]->name))
			return backends[i];
	return NULL;
}

bool accounts_need_helper(const struct config *c)
{
	struct str name;
	for (size_t at = 0; config_each(c, auth_settings.name, "authmodulelist", &at, &name);) {
		const struct backend *b = find_backend(name);
		if (b && b->check != HELPER_NOT)
			return true;
	}
	return false;
}

static char *default_domain(const struct config *c)
{
	const char *domain = config_z(c, config_identity.name, "defaultdomain", NULL);
	if (!domain[0])
		domain = config_z(c, config_identity.name, "me", NULL);
	char host[256];
	if (!domain[0] && gethostname(host, sizeof host) == 0) {
		host[sizeof host - 1] = 0;
		domain = host;
	}
	return mem_strdup(domain);
}

void accounts_configure(struct accounts *s, const struct instance *in, const struct config *c)
{
	struct str name;
	accounts_release(s);
	for (size_t at = 0; config_each(c, auth_settings.name, "authmodulelist", &at, &name);) {
		const struct backend *b = find_backend(name);
		if (b && s->n < BACKENDS_MAX)
			s->order[s->n++] = b;
		else
			log_warning(NULL, "authmodulelist: there is no '%.*s' here", STR_FMT(name));
	}
	char *path = instance_path(in->etc, "userdb");
	s->userdb = userdb_open(path);
	free(path);
	s->default_domain = default_domain(c);
	s->default_options = mem_strdup(config_z(c, auth_settings.name, "DEFAULTOPTIONS", NULL));
}

void accounts_release(struct accounts *s)
{
	userdb_close(s->userdb);
	free(s->default_domain);
	free(s->default_options);
	*s = (struct accounts){0};
}

static struct account *account_new(void)
{
	struct arena *arena = arena_new(ACCOUNT_ARENA_MAX);
	struct account *a = arena ? arena_new_of(arena, struct account) : NULL;
	if (a)
		a->arena = arena;
	else
		arena_free(arena);
	return a;
}

void account_free(struct account *a)
{
	if (!a)
		return;
	if (a->stored.n)
		mem_wipe((void *)(uintptr_t)a->stored.p, a->stored.n);
	if (a->sasl.clear.n)
		mem_wipe((void *)(uintptr_t)a->sasl.clear.p, a->sasl.clear.n);
	arena_free(a->arena);
}

static enum account_found ask_all(
    struct accounts *s, const char *module, const char *service, struct str name, struct account *a)
{
	bool all = !module || strcmp(module, ".") == 0;
	for (size_t i = 0; i < s->n; i++) {
		if (!all && strcmp(module, s->order[i]->name) != 0)
			continue;
		enum account_found r = s->order[i]->lookup(s, name, service, a);
		a->backend = s->order[i];
		if (r != ACCOUNT_ABSENT)
			return r; /* a back end that is down might have had it: nobody else is asked
				   */
	}
	return ACCOUNT_ABSENT;
}

enum account_found accounts_find(struct accounts *s, const char *module, const char *service,
    struct str name, struct account **out)
{
	*out = NULL;
	if (!sasl_name_ok(name))
		return ACCOUNT_ABSENT;
	struct account *a = account_new();
	if (!a)
		return ACCOUNT_TEMPFAIL;
	service = account_service(service);
	enum account_found r = ask_all(s, module, service, name, a);
	if (r == ACCOUNT_ABSENT && str_chr(name, '@') < 0 && s->default_domain[0]) {
		char *full = arena_printf(a->arena, "%.*s@%s", STR_FMT(name), s->default_domain);
		r = full ? ask_all(s, module, service, str_of(full), a) : ACCOUNT_TEMPFAIL;
	}
	if (r == ACCOUNT_FOUND) {
		a->a.options = account_options(a->arena, a->a.options, s->default_options);
		*out = a;
	} else {
		account_free(a);
	}
	return r;
}

const char *account_service(const char *service)
{
	return strcmp(service, "smtp") == 0 ? "esmtp" : service;
}

static struct str option_name(struct str option)
{
	ptrdiff_t eq = str_chr(option, '=');
	return eq < 0 ? option : str_head(option, (size_t)eq);
}

static bool has_option(struct str options, struct str name)
{
	struct str one;
	while (str_split(&options, ',', &one))
		if (str_eq(option_name(one), name))
			return true;
	return false;
}

struct str account_options(struct arena *arena, struct str own, const char *defaults)
{
	struct str rest = str_of(defaults), one;
	while (defaults[0] && str_split(&rest, ',', &one)) {
		one = str_trim(one);
		if (one.n == 0 || has_option(own, option_name(one)))
			continue;
		char *longer = own.n ? arena_printf(arena, "%.*s,%.*s", STR_FMT(own), STR_FMT(one))
				     : arena_printf(arena, "%.*s", STR_FMT(one));
		own = longer ? str_of(longer) : own;
	}
	return own;
}
