#include "config.h"

#include "authdaemon/remote.h"
#include "sasl/password.h"

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
    &backend_pipe,
    &backend_pwd,
#ifdef ENABLE_LDAP
    &backend_ldap,
#endif
#ifdef ENABLE_MYSQL
    &backend_mysql,
#endif
#ifdef ENABLE_PGSQL
    &backend_pgsql,
#endif
#ifdef ENABLE_SQLITE
    &backend_sqlite,
#endif
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
	*s = (struct accounts){.remotes = s->remotes};
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

struct search {
	struct accounts *s;
	struct account *a; /* to be filled; its arena owns name and service */
	const char *module, *service;
	struct str name;
	size_t next; /* the back end that comes next */
	bool with_domain;
	struct remote_job *job;
	account_search_done done;
	void *ctx;
};

static void on_remote(void *ctx, enum authdb_verdict v);

static bool wanted(const struct search *f, const struct backend *b)
{
	return !f->module || strcmp(f->module, ".") == 0 || strcmp(f->module, b->name) == 0;
}

/* The name with the default domain, or .p NULL: it has one, or has been tried. */
static struct str full_name(const struct search *f)
{
	if (f->with_domain || str_chr(f->name, '@') >= 0 || !f->s->default_domain[0])
		return STR_NONE;
	return str_of(arena_printf(f->a->arena, "%.*s@%s", STR_FMT(f->name), f->s->default_domain));
}

/* Before another process is asked about a name without a domain: the modules that stand before it
 * answer for the whole name, too, so that their users need no server of others. */
static enum account_found ask_before(struct search *f, size_t end)
{
	struct str full = full_name(f);
	for (size_t i = 0; full.p && i < end; i++) {
		const struct backend *b = f->s->order[i];
		f->a->backend = b;
		enum account_found r = !wanted(f, b) || b->role
					   ? ACCOUNT_ABSENT
					   : b->lookup(f->s, full, f->service, f->a);
		if (r != ACCOUNT_ABSENT)
			return r;
	}
	return ACCOUNT_ABSENT;
}

/* A back end that is down might have had the account: nobody else is asked then. */
static enum account_found ask_rest(struct search *f)
{
	while (f->next < f->s->n) {
		const struct backend *b = f->s->order[f->next++];
		if (!wanted(f, b))
			continue;
		if (b->role) {
			enum account_found r = ask_before(f, f->next - 1);
			if (r != ACCOUNT_ABSENT)
				return r;
			f->a->backend = b;
			f->job = remote_lookup(
			    f->s->remotes, b->role, f->service, f->name, f->a, on_remote, f);
			return ACCOUNT_LATER;
		}
		f->a->backend = b;
		enum account_found r = b->lookup(f->s, f->name, f->service, f->a);
		if (r != ACCOUNT_ABSENT)
			return r;
	}
	return ACCOUNT_ABSENT;
}

/* As it is, then with the default domain. */
static enum account_found go_on(struct search *f)
{
	enum account_found r = ask_rest(f);
	struct str full = r == ACCOUNT_ABSENT ? full_name(f) : STR_NONE;
	if (!full.p)
		return r;
	f->with_domain = true;
	f->next = 0;
	f->name = full;
	return ask_rest(f);
}

/* Takes the account out of the search and ends it. */
static struct account *search_end(struct search *f, enum account_found r)
{
	struct account *a = f->a;
	if (r == ACCOUNT_FOUND) {
		a->a.options = account_options(a->arena, a->a.options, f->s->default_options);
	} else {
		account_free(a);
		a = NULL;
	}
	free(f);
	return a;
}

static void on_remote(void *ctx, enum authdb_verdict v)
{
	struct search *f = ctx;
	f->job = NULL;
	enum account_found r = v == AUTHDB_YES  ? ACCOUNT_FOUND
			       : v == AUTHDB_NO ? go_on(f)
						: ACCOUNT_TEMPFAIL;
	if (r == ACCOUNT_LATER)
		return;
	account_search_done done = f->done;
	void *to = f->ctx;
	struct account *a = search_end(f, r);
	done(to, r, a);
}

void search_cancel(struct search *f)
{
	if (!f)
		return;
	remote_cancel(f->job);
	account_free(f->a);
	free(f);
}

enum account_found accounts_find(struct accounts *s, const char *module, const char *service,
    struct str name, struct account **out, struct search **search, account_search_done found,
    void *ctx)
{
	*out = NULL;
	*search = NULL;
	if (!sasl_name_ok(name))
		return ACCOUNT_ABSENT;
	struct account *a = account_new();
	if (!a)
		return ACCOUNT_TEMPFAIL;
	struct search *f = mem_new(struct search);
	*f = (struct search){.s = s, .a = a, .done = found, .ctx = ctx};
	f->module = module ? arena_strz(a->arena, str_of(module)) : NULL;
	f->service = arena_strz(a->arena, str_of(account_service(service)));
	f->name = arena_str(a->arena, name);
	enum account_found r = f->service && f->name.p ? go_on(f) : ACCOUNT_TEMPFAIL;
	if (r == ACCOUNT_LATER)
		*search = f;
	else
		*out = search_end(f, r);
	return r;
}

void account_record_secrets(struct account *a)
{
	struct sasl_secrets *s = &a->sasl;
	const char *scheme = password_scheme_of(a->stored);
	ptrdiff_t brace = str_chr(a->stored, '}');
	struct str value = str_skip(a->stored, (size_t)(brace + 1));
	if (!scheme || brace < 0)
		return;
	if (strcmp(scheme, "plain") == 0)
		s->clear = value;
	else if (strcmp(scheme, "scram-sha-1") == 0 && !s->scram_sha1.n)
		s->scram_sha1 = value;
	else if (strcmp(scheme, "scram-sha-256") == 0 && !s->scram_sha256.n)
		s->scram_sha256 = value;
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
