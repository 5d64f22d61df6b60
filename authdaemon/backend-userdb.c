#include "config.h"

#include "authdaemon/account.h"
#include "sasl/password.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct str copy_field(struct arena *arena, struct str record, const char *name)
{
	struct str value;
	return userdb_field(record, name, &value) ? arena_str(arena, value) : STR_NONE;
}

/* The password fields: first the service's own, then everybody's. */
static struct str secret_field(
    struct arena *arena, struct str record, const char *service, const char *between)
{
	char name[96];
	snprintf(name, sizeof name, "%s%s%spw", service, between[0] ? "-" : "", between);
	struct str value = copy_field(arena, record, name);
	if (value.p)
		return value;
	snprintf(name, sizeof name, "%spw", between[0] ? between : "system");
	return copy_field(arena, record, name);
}

static bool number_field(struct str record, const char *name, uint32_t *out)
{
	struct str value;
	uint64_t n;
	if (!userdb_field(record, name, &value) || !str_u64(value, &n) || n >= UINT32_MAX)
		return false;
	*out = (uint32_t)n;
	return true;
}

static struct str gecos_name(struct str gecos)
{
	ptrdiff_t comma = str_chr(gecos, ',');
	return comma < 0 ? gecos : str_head(gecos, (size_t)comma);
}

/* The common part of looking up and listing.  False: the account lacks what every account needs. */
static bool parse(struct arena *arena, struct str name, struct str record, struct auth_account *a)
{
	struct buf key;
	buf_init(&key, USERDB_NAME_MAX);
	userdb_key(name, &key);
	a->name = arena_str(arena, buf_str(&key));
	buf_free(&key);
	a->home = copy_field(arena, record, "home");
	a->maildir = copy_field(arena, record, "mail");
	a->quota = copy_field(arena, record, "quota");
	a->fullname = gecos_name(copy_field(arena, record, "gecos"));
	a->options = copy_field(arena, record, "options");
	return a->name.n && a->home.n && number_field(record, "uid", &a->uid) &&
	       number_field(record, "gid", &a->gid);
}

static void parse_secrets(
    struct arena *arena, struct str record, const char *service, struct account *out)
{
	struct sasl_secrets *s = &out->sasl;
	out->stored = secret_field(arena, record, service, "");
	s->hmac_md5 = secret_field(arena, record, service, "hmac-md5");
	s->hmac_sha1 = secret_field(arena, record, service, "hmac-sha1");
	s->hmac_sha256 = secret_field(arena, record, service, "hmac-sha256");
	s->scram_sha1 = secret_field(arena, record, service, "scram-sha-1");
	s->scram_sha256 = secret_field(arena, record, service, "scram-sha-256");
	account_record_secrets(out);
}

static enum account_found lookup(
    struct accounts *s, struct str name, const char *service, struct account *out)
{
	struct buf record;
	buf_init(&record, 4 * USERDB_LINE_MAX);
	int r = userdb_get(s->userdb, name, &record);
	enum account_found found = r < 0 ? ACCOUNT_TEMPFAIL : ACCOUNT_ABSENT;
	if (r == 1 && parse(out->arena, name, buf_str(&record), &out->a)) {
		parse_secrets(out->arena, buf_str(&record), service, out);
		found = ACCOUNT_FOUND;
	} else if (r == 1) {
		log_error(NULL, "userdb: '%.*s' has no usable uid, gid and home", STR_FMT(name));
		found = ACCOUNT_TEMPFAIL;
	}
	mem_wipe(record.p, record.n);
	buf_free(&record);
	return found;
}

struct listing {
	account_listed fn;
	void *ctx;
	struct arena *arena;
};

static int list_one(void *ctx, struct str name, struct str record)
{
	struct listing *l = ctx;
	struct auth_account a = {0};
	int r = parse(l->arena, name, record, &a) ? l->fn(l->ctx, &a) : 0;
	arena_reset(l->arena);
	return r;
}

static int each(struct accounts *s, account_listed fn, void *ctx)
{
	struct listing l = {fn, ctx, arena_new(ACCOUNT_ARENA_MAX)};
	int r = l.arena ? userdb_each(s->userdb, list_one, &l) : -1;
	arena_free(l.arena);
	return r;
}

/* Changing. */

struct fresh { /* what a new password makes of the fields that depend on it */
	struct userdb_change list[8];
	struct buf text[8];
	size_t n;
};

static void replace(struct fresh *f, struct str field, struct buf *value)
{
	f->text[f->n] = *value;
	f->list[f->n] = (struct userdb_change){USERDB_SET, field, buf_str(value)};
	f->n++;
}

static bool refresh(struct fresh *f, struct str field, struct str password)
{
	static const struct {
		const char *end, *hash, *scheme;
	} kinds[] = {{"hmac-md5pw", "md5", NULL}, {"hmac-sha1pw", "sha1", NULL},
	    {"hmac-sha256pw", "sha256", NULL}, {"scram-sha-1pw", NULL, "scram-sha-1"},
	    {"scram-sha-256pw", NULL, "scram-sha-256"}};
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		struct buf made;
		if (!str_ends(field, str_of(kinds[i].end)))
			continue;
		buf_init(&made, PASSWORD_STORED_MAX);
		bool ok = kinds[i].hash ? sasl_hmac_context(kinds[i].hash, password, &made)
					: password_make(kinds[i].scheme, password, &made);
		ptrdiff_t brace = str_chr(buf_str(&made), '}');
		buf_cut(&made, (size_t)(brace + 1)); /* the field's name says what it is */
		if (ok && f->n < ARRAY_LEN(f->list))
			replace(f, field, &made);
		else
			buf_free(&made);
		return ok;
	}
	return true;
}

static int store(const struct accounts *s, struct str name, const struct fresh *f, const char *path,
    const char *base)
{
	char *why = NULL, *tables = mem_printf("%s.dat", base);
	size_t accounts;
	int r = userdb_edit(path, name, f->list, f->n, &why);
	if (r == 0 && access(tables, F_OK) == 0)
		r = userdb_compile(base, &accounts, &why);
	if (r != 0)
		log_error(NULL, "cannot change the password of '%.*s': %s", STR_FMT(name),
		    why ? why : "it has gone");
	free(why);
	free(tables);
	return r == 0 ? 0 : -1;
}

static int change(struct accounts *s, const struct account *a, const char *service,
    struct str password, struct str made)
{
	struct buf record, own;
	struct fresh f = {0};
	char service_pw[64], *why = NULL;
	buf_init(&record, 4 * USERDB_LINE_MAX);
	buf_init(&own, PASSWORD_STORED_MAX);
	buf_adds(&own, made);
	snprintf(service_pw, sizeof service_pw, "%spw", account_service(service));
	int r = userdb_get(s->userdb, a->a.name, &record) == 1 ? 0 : -1;
	struct str fields = buf_str(&record), field, value;
	bool of_service = userdb_field(fields, service_pw, &value);
	replace(&f, of_service ? str_of(service_pw) : STR("systempw"), &own);
	while (r == 0 && userdb_next(&fields, &field, &value))
		if (!refresh(&f, field, password))
			r = -1;
	const char *base = userdb_base(s->userdb);
	char *path = r == 0 ? userdb_file_of(base, a->a.name, &why) : NULL;
	r = path ? store(s, a->a.name, &f, path, base) : -1;
	free(path);
	free(why);
	for (size_t i = 0; i < f.n; i++)
		buf_free(&f.text[i]);
	buf_free(&record);
	return r;
}

const struct backend backend_userdb = {
    .name = "authuserdb", .lookup = lookup, .each = each, .change = change};
