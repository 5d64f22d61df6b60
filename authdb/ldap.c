/* courierauthldap: accounts in a directory. */
#include "config.h"

#include "authdb/authdb.h"
#include "authdb/ldaprc.h"
#include "directory/directory.h"

#include <grp.h>
#include <pwd.h>
#include <stdlib.h>

enum { PAGE = 500, ATTRIBUTES_MAX = 16 + LDAPRC_OPTIONS_MAX };

struct shared {
	const struct rc *rc;
	struct directory_server server;
	struct ldap_option options[LDAPRC_OPTIONS_MAX];
	int n_options;
	bool glob_uid, glob_gid; /* and these hold for who has none of its own */
	uint32_t uid, gid;
	char *attributes[ATTRIBUTES_MAX];
};

struct state { /* of a thread */
	const struct shared *s;
	LDAP *ld;
};

static const char *value(const struct shared *s, enum ldap_value i)
{
	return s->rc->values[i];
}

/* ---- settings -------------------------------------------------------------------------------- */

static const char *whole_uri(const struct rc *rc, struct arena *a)
{
	const char *uri = rc->values[LDAPRC_URI];
	char *z = *uri ? arena_strz(a, str_of(uri))
		       : arena_printf(
			     a, "ldap://%s:%s", rc->values[LDAPRC_SERVER], rc->values[LDAPRC_PORT]);
	for (size_t i = 0; z && z[i]; i++)
		if (z[i] == ',')
			z[i] = ' ';
	return z;
}

static int deref_of(const char *word)
{
	static const struct {
		const char *word;
		int code;
	} all[] = {{"searching", LDAP_DEREF_SEARCHING}, {"finding", LDAP_DEREF_FINDING},
	    {"always", LDAP_DEREF_ALWAYS}};
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (str_iis(str_of(word), all[i].word))
			return all[i].code;
	return LDAP_DEREF_NEVER;
}

static const char *resolve_ids(struct shared *s)
{
	const char *uid = value(s, LDAPRC_GLOB_UID), *gid = value(s, LDAPRC_GLOB_GID);
	const struct passwd *pw = *uid ? getpwnam(uid) : NULL;
	const struct group *gr = *gid ? getgrnam(gid) : NULL;
	s->glob_uid = *uid;
	s->glob_gid = *gid;
	if (pw)
		s->uid = pw->pw_uid;
	else if (*uid && !authdb_id(str_of(uid), &s->uid))
		return "LDAP_GLOB_UID is neither a user nor a number";
	if (gr)
		s->gid = gr->gr_gid;
	else if (*gid && !authdb_id(str_of(gid), &s->gid))
		return "LDAP_GLOB_GID is neither a group nor a number";
	return NULL;
}

static void list_attributes(struct shared *s)
{
	static const enum ldap_value wanted[] = {LDAPRC_MAIL, LDAPRC_HOMEDIR, LDAPRC_MAILDIR,
	    LDAPRC_DELIVERY, LDAPRC_QUOTA, LDAPRC_FULLNAME, LDAPRC_CLEARPW, LDAPRC_CRYPTPW,
	    LDAPRC_UID, LDAPRC_GID};
	size_t n = 0;
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
		if (*value(s, wanted[i]))
			s->attributes[n++] = (char *)(uintptr_t)value(s, wanted[i]);
	for (int i = 0; i < s->n_options; i++)
		s->attributes[n++] = (char *)(uintptr_t)s->options[i].attribute;
}

/* The library takes these from its environment when it is used first. */
static void configure(const struct config *c)
{
	static const char *const names[] = {
	    "LDAPTLS_CACERT", "LDAPTLS_REQCERT", "LDAPTLS_CERT", "LDAPTLS_KEY"};
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const char *v = config_z(c, auth_settings.name, names[i], NULL);
		if (*v)
			setenv(names[i], v, 1);
	}
}

/* Named by authdaemonrc or by the library's own settings, which it reads now. */
static void files(const struct rc *rc UNUSED, struct authdb_shut *s)
{
	static const int named[] = {LDAP_OPT_X_TLS_CACERTFILE, LDAP_OPT_X_TLS_CACERTDIR,
	    LDAP_OPT_X_TLS_CERTFILE, LDAP_OPT_X_TLS_KEYFILE, LDAP_OPT_X_TLS_CRLFILE};
	for (size_t i = 0; i < ARRAY_LEN(named); i++) {
		char *path = NULL;
		if (ldap_get_option(NULL, named[i], &path) == LDAP_OPT_SUCCESS)
			authdb_reads(s, path);
		ldap_memfree(path);
	}
}

static void *prepare(const struct rc *rc, struct arena *a, const char **why)
{
	struct shared *s = arena_new_of(a, struct shared);
	const char *uri = s ? whole_uri(rc, a) : NULL;
	*why = "out of memory";
	if (!uri)
		return NULL;
	bool login = rc_number(rc, LDAPRC_INITBIND);
	s->rc = rc;
	s->n_options = ldaprc_options(rc->values[LDAPRC_AUXOPTIONS], a, s->options);
	s->server = (struct directory_server){.uri = uri,
	    .user = login ? rc->values[LDAPRC_BINDDN] : "",
	    .password = rc->values[LDAPRC_BINDPW],
	    .timeout = (unsigned)rc_number(rc, LDAPRC_TIMEOUT),
	    .version = (int)rc_number(rc, LDAPRC_VERSION),
	    .deref = deref_of(rc->values[LDAPRC_DEREF]),
	    .starttls = rc_number(rc, LDAPRC_TLS)};
	*why = resolve_ids(s);
	list_attributes(s);
	return *why ? NULL : s;
}

static void *open_state(void *prepared)
{
	struct state *t = mem_new(struct state);
	t->s = prepared;
	return t;
}

/* ---- searches -------------------------------------------------------------------------------- */

static bool connected(struct state *t, struct authdb_job *j)
{
	const char *what;
	int r = t->ld ? LDAP_SUCCESS : directory_connect(&t->s->server, &t->ld, &what);
	if (r != LDAP_SUCCESS)
		authdb_down(j, "%s: %s: %s", t->s->server.uri, what, ldap_err2string(r));
	return r == LDAP_SUCCESS;
}

static int search_once(struct state *t, const char *base, const char *filter, char **attributes,
    LDAPControl **controls, LDAPMessage **found)
{
	struct timeval wait = {.tv_sec = (time_t)t->s->server.timeout};
	*found = NULL;
	return ldap_search_ext_s(t->ld, base, LDAP_SCOPE_SUBTREE, filter, attributes, 0, controls,
	    NULL, &wait, LDAP_NO_LIMIT, found);
}

/* A connection that has been open for a while may have ended meanwhile: it gets a second try. */
static bool search(struct state *t, struct authdb_job *j, const char *base, const char *filter,
    char **attributes, LDAPControl **controls, LDAPMessage **found)
{
	bool fresh = t->ld == NULL;
	*found = NULL;
	if (!connected(t, j))
		return false;
	int r = search_once(t, base, filter, attributes, controls, found);
	if (directory_gone(r) && !fresh) {
		ldap_msgfree(*found);
		*found = NULL;
		directory_hang_up(&t->ld);
		if (!connected(t, j))
			return false;
		r = search_once(t, base, filter, attributes, controls, found);
	}
	if (r == LDAP_SUCCESS)
		return true;
	ldap_msgfree(*found);
	*found = NULL;
	if (directory_gone(r)) {
		directory_hang_up(&t->ld);
		authdb_down(j, "%s: search: %s", t->s->server.uri, ldap_err2string(r));
	} else if (r == LDAP_FILTER_ERROR) {
		authdb_fail(j, "the directory of accounts: the filter '%s' is none", filter);
	} else {
		authdb_fail(j, "the directory of accounts: search: %s", ldap_err2string(r));
	}
	return false;
}

/* ---- entries --------------------------------------------------------------------------------- */

/* The first value that can be one; NULL attribute or none: empty. */
static struct str first_value(
    LDAP *ld, LDAPMessage *e, const char *attribute, struct arena *a, struct str preferred)
{
	struct berval **v = *attribute ? ldap_get_values_len(ld, e, attribute) : NULL;
	struct str best = STR_NONE;
	for (size_t i = 0; v && v[i]; i++) {
		struct str s = str_at(v[i]->bv_val, v[i]->bv_len);
		if (s.n == 0 || s.n > AUTHDB_VALUE_MAX || str_has_ctl(s))
			continue;
		if (!best.n || str_ieq(s, preferred))
			best = s;
	}
	best = best.n ? arena_str(a, best) : STR_NONE;
	ldap_value_free_len(v);
	return best;
}

static struct str attribute_of(
    struct state *t, LDAPMessage *e, enum ldap_value i, struct authdb_job *j)
{
	return first_value(t->ld, e, value(t->s, i), j->arena, STR_NONE);
}

static struct str options_of(struct state *t, LDAPMessage *e, struct arena *a)
{
	struct buf out;
	buf_init(&out, AUTHDB_VALUE_MAX);
	for (int i = 0; i < t->s->n_options; i++) {
		const struct ldap_option *o = &t->s->options[i];
		struct str v = first_value(t->ld, e, o->attribute, a, STR_NONE);
		if (v.n && str_chr(v, ',') < 0)
			buf_addf(&out, "%s%s=%.*s", out.n ? "," : "", o->name, STR_FMT(v));
	}
	struct str r = out.n ? arena_str(a, buf_str(&out)) : STR_NONE;
	buf_free(&out);
	return r;
}

static bool id_of(struct state *t, LDAPMessage *e, enum ldap_value i, bool everybody,
    uint32_t theirs, struct authdb_job *j, uint32_t *out)
{
	struct str v = attribute_of(t, e, i, j);
	*out = theirs;
	return v.n ? authdb_id(v, out) : everybody;
}

static const char *whole_home(struct state *t, struct authdb_job *j)
{
	const char *root = value(t->s, LDAPRC_MAILROOT);
	if (!j->a.home.n)
		return "no home directory";
	if (j->a.home.p[0] == '/')
		return NULL;
	if (!*root)
		return "the home directory is no whole path, and there is no LDAP_MAILROOT";
	j->a.home = str_of(arena_printf(j->arena, "%s/%.*s", root, STR_FMT(j->a.home)));
	return NULL;
}

/* NULL, or what is wrong. */
static const char *read_entry(
    struct state *t, LDAPMessage *e, struct str login, struct authdb_job *j)
{
	const struct shared *s = t->s;
	struct arena *a = j->arena;
	struct str delivery = attribute_of(t, e, LDAPRC_DELIVERY, j);
	j->a.name = first_value(t->ld, e, value(s, LDAPRC_MAIL), a, login);
	if (login.n && !str_ieq(j->a.name, login))
		j->a.name = login;
	j->a.home = attribute_of(t, e, LDAPRC_HOMEDIR, j);
	j->a.maildir = attribute_of(t, e, LDAPRC_MAILDIR, j);
	j->a.quota = attribute_of(t, e, LDAPRC_QUOTA, j);
	j->a.fullname = attribute_of(t, e, LDAPRC_FULLNAME, j);
	j->a.options = options_of(t, e, a);
	const char *why = delivery.n ? authdb_deliver_by(j, delivery) : NULL;
	if (why)
		return why;
	j->binds = rc_number(s->rc, LDAPRC_AUTHBIND);
	if (!j->binds) {
		j->stored = attribute_of(t, e, LDAPRC_CRYPTPW, j);
		j->clear = attribute_of(t, e, LDAPRC_CLEARPW, j);
	}
	if (!id_of(t, e, LDAPRC_UID, s->glob_uid, s->uid, j, &j->a.uid))
		return "no number for a uid";
	if (!id_of(t, e, LDAPRC_GID, s->glob_gid, s->gid, j, &j->a.gid))
		return "no number for a gid";
	return whole_home(t, j);
}

/* The one entry: 1 with *out, 0 there is none, -1 the job says why not. */
static int one_entry(struct state *t, LDAPMessage *found, struct authdb_job *j, LDAPMessage **out)
{
	int n = ldap_count_entries(t->ld, found);
	*out = ldap_first_entry(t->ld, found);
	if (n > 1)
		authdb_fail(j, "the directory of accounts: account '%.*s': more than one entry",
		    STR_FMT(j->name));
	return n > 1 ? -1 : n == 1 && *out;
}

/* LDAP_EMAILMAP: the handle that a first search gives.  1, 0, -1 as above. */
static int find_handle(
    struct state *t, struct authdb_job *j, struct buf *filter, struct str *handle)
{
	const char *base = value(t->s, LDAPRC_EMAILMAP_BASEDN);
	const char *attribute = value(t->s, LDAPRC_EMAILMAP_ATTRIBUTE);
	char *wanted[] = {(char *)(uintptr_t)attribute, NULL};
	LDAPMessage *found, *e;
	if (str_chr(j->name, '@') < 0 ||
	    !ldaprc_emailmap(filter, value(t->s, LDAPRC_EMAILMAP), j->name))
		return 0;
	if (!search(
		t, j, *base ? base : value(t->s, LDAPRC_BASEDN), filter->p, wanted, NULL, &found))
		return -1;
	int r = one_entry(t, found, j, &e);
	if (r == 1)
		*handle = first_value(t->ld, e, attribute, j->arena, STR_NONE);
	ldap_msgfree(found);
	return r == 1 ? handle->n > 0 : r;
}

/* The entry of j->name.  1 with *found to be freed, 0, -1 as above. */
static int find_entry(
    struct state *t, struct authdb_job *j, struct str *login, LDAPMessage **found, LDAPMessage **e)
{
	const char *key = value(t->s, LDAPRC_MAIL), *mapped = value(t->s, LDAPRC_EMAILMAP_MAIL);
	bool map = *value(t->s, LDAPRC_EMAILMAP);
	struct str wanted = authdb_full_name(j->name, value(t->s, LDAPRC_DOMAIN), j->arena);
	struct buf filter;
	int r = 1;
	*login = wanted;
	*found = NULL;
	buf_init(&filter, LDAPRC_FILTER_MAX);
	if (map) {
		r = find_handle(t, j, &filter, &wanted);
		key = *mapped ? mapped : key;
	}
	if (r == 1 && !ldaprc_filter(&filter, value(t->s, LDAPRC_FILTER), key, wanted))
		r = 0;
	if (r == 1 && !search(t, j, value(t->s, LDAPRC_BASEDN), filter.p,
			  (char **)(uintptr_t)t->s->attributes, NULL, found))
		r = -1;
	buf_free(&filter);
	return r == 1 ? one_entry(t, *found, j, e) : r;
}

/* ---- questions ------------------------------------------------------------------------------- */

static void lookup(struct state *t, struct authdb_job *j)
{
	LDAPMessage *found, *e;
	struct str login;
	if (find_entry(t, j, &login, &found, &e) == 1) {
		const char *why = read_entry(t, e, login, j);
		if (why)
			authdb_fail(j, "the directory of accounts: account '%.*s': %s",
			    STR_FMT(j->name), why);
		else
			j->verdict = AUTHDB_YES;
	}
	ldap_msgfree(found);
}

/* Over a connection of its own, as the user.  NULL: the job says why not. */
static LDAP *log_in_as(struct state *t, struct authdb_job *j, const char *dn)
{
	struct directory_server nobody = t->s->server;
	const char *what = "login";
	LDAP *ld;
	nobody.user = "";
	int r = directory_connect(&nobody, &ld, &what);
	if (r == LDAP_SUCCESS) {
		what = "login";
		r = directory_bind(ld, dn, j->password);
	}
	if (r == LDAP_SUCCESS)
		return ld;
	directory_hang_up(&ld);
	if (directory_gone(r) || strcmp(what, "login") != 0)
		authdb_down(j, "%s: %s: %s", t->s->server.uri, what, ldap_err2string(r));
	else if (r != LDAP_INVALID_CREDENTIALS && r != LDAP_INAPPROPRIATE_AUTH &&
		 r != LDAP_INSUFFICIENT_ACCESS && r != LDAP_NO_SUCH_OBJECT)
		authdb_fail(
		    j, "the directory of accounts: login as '%s': %s", dn, ldap_err2string(r));
	return NULL;
}

static char *dn_of(struct state *t, struct authdb_job *j, LDAPMessage **found, LDAPMessage **e)
{
	struct str login;
	return find_entry(t, j, &login, found, e) == 1 ? ldap_get_dn(t->ld, *e) : NULL;
}

static void check(struct state *t, struct authdb_job *j)
{
	LDAPMessage *found, *e;
	char *dn = dn_of(t, j, &found, &e);
	/* without a password a login would be nobody's, and succeed */
	LDAP *ld = dn && *dn && j->password.n ? log_in_as(t, j, dn) : NULL;
	if (ld)
		j->verdict = AUTHDB_YES;
	directory_hang_up(&ld);
	ldap_memfree(dn);
	ldap_msgfree(found);
}

static bool has_attribute(struct state *t, LDAPMessage *e, const char *attribute)
{
	struct berval **v = *attribute ? ldap_get_values_len(t->ld, e, attribute) : NULL;
	bool any = v && v[0];
	ldap_value_free_len(v);
	return any;
}

static void modify(struct state *t, LDAP *ld, const char *dn, LDAPMessage *e, struct authdb_job *j)
{
	const char *crypt = value(t->s, LDAPRC_CRYPTPW), *clear = value(t->s, LDAPRC_CLEARPW);
	bool plain = has_attribute(t, e, clear);
	bool hashed = *crypt && (!plain || has_attribute(t, e, crypt));
	/* a bare hash would be taken for the password itself by the directory */
	bool bare = j->made.n && j->made.p[0] != '{';
	char *made = arena_printf(j->arena, "%s%.*s", bare ? "{CRYPT}" : "", STR_FMT(j->made));
	char *hashes[] = {made, NULL}, *words[] = {(char *)(uintptr_t)j->fresh.p, NULL};
	LDAPMod set_hash = {
	    .mod_op = LDAP_MOD_REPLACE, .mod_type = (char *)(uintptr_t)crypt, .mod_values = hashes};
	LDAPMod set_word = {
	    .mod_op = LDAP_MOD_REPLACE, .mod_type = (char *)(uintptr_t)clear, .mod_values = words};
	LDAPMod *mods[3] = {NULL};
	size_t n = 0;
	if (hashed)
		mods[n++] = &set_hash;
	if (plain)
		mods[n++] = &set_word;
	int r = made && n ? ldap_modify_ext_s(ld, dn, mods, NULL, NULL) : LDAP_OTHER;
	if (r == LDAP_SUCCESS)
		j->verdict = AUTHDB_YES;
	else
		authdb_fail(j,
		    "the directory of accounts: the password of '%s' can't be changed: %s", dn,
		    ldap_err2string(r));
}

static void change(struct state *t, struct authdb_job *j)
{
	LDAPMessage *found, *e;
	char *dn = dn_of(t, j, &found, &e);
	bool as_user = rc_number(t->s->rc, LDAPRC_AUTHBIND);
	LDAP *own = dn && as_user && j->password.n ? log_in_as(t, j, dn) : NULL;
	if (dn && (own || !as_user))
		modify(t, own ? own : t->ld, dn, e, j);
	directory_hang_up(&own);
	ldap_memfree(dn);
	ldap_msgfree(found);
}

/* ---- the list -------------------------------------------------------------------------------- */

static bool list_page(struct state *t, LDAPMessage *found, struct authdb_job *j)
{
	bool good = true;
	for (LDAPMessage *e = ldap_first_entry(t->ld, found); good && e;
	     e = ldap_next_entry(t->ld, e)) {
		struct authdb_job one = {.arena = arena_new(AUTHDB_JOB_MAX)};
		good = one.arena != NULL;
		/* one that lacks something could not log in, either */
		if (good && !read_entry(t, e, STR_NONE, &one) && one.a.name.n)
			good = authdb_add_item(j, &one.a);
		arena_free(one.arena);
	}
	if (!good)
		authdb_fail(j, "the directory of accounts: the list of accounts is too large");
	return good;
}

/* What the answer says about a further page; false: it is the last. */
static bool next_page(LDAP *ld, LDAPMessage *found, struct berval *cookie)
{
	LDAPControl **controls = NULL;
	ber_int_t size;
	struct berval fresh = {0};
	bool more = false;
	if (ldap_parse_result(ld, found, NULL, NULL, NULL, NULL, &controls, 0) == LDAP_SUCCESS) {
		LDAPControl *c = ldap_control_find(LDAP_CONTROL_PAGEDRESULTS, controls, NULL);
		more = c && ldap_parse_pageresponse_control(ld, c, &size, &fresh) == LDAP_SUCCESS &&
		       fresh.bv_len > 0;
	}
	ldap_controls_free(controls);
	ber_memfree(cookie->bv_val);
	*cookie = fresh;
	return more;
}

static bool list_some(
    struct state *t, const char *filter, struct berval *cookie, struct authdb_job *j)
{
	LDAPControl *page = NULL, *controls[2] = {NULL};
	LDAPMessage *found = NULL;
	if (!connected(t, j))
		return false;
	if (ldap_create_page_control(t->ld, PAGE, cookie, 0, &page) == LDAP_SUCCESS)
		controls[0] = page;
	bool more = search(t, j, value(t->s, LDAPRC_BASEDN), filter,
			(char **)(uintptr_t)t->s->attributes, controls, &found) &&
		    list_page(t, found, j) && next_page(t->ld, found, cookie);
	ldap_control_free(page);
	ldap_msgfree(found);
	return more;
}

static void each(struct state *t, struct authdb_job *j)
{
	const char *filter = value(t->s, LDAPRC_ENUMERATE_FILTER);
	struct berval cookie = {0};
	if (!*filter)
		filter = value(t->s, LDAPRC_FILTER);
	if (!*filter)
		filter = arena_printf(j->arena, "(%s=*)", value(t->s, LDAPRC_MAIL));
	j->verdict = filter ? AUTHDB_YES : AUTHDB_UNKNOWN;
	while (filter && list_some(t, filter, &cookie, j))
		;
	ber_memfree(cookie.bv_val);
}

static void run(void *state, struct work_job *work)
{
	static void (*const arms[])(struct state *, struct authdb_job *) = {
	    [AUTHDB_LOOKUP] = lookup,
	    [AUTHDB_CHECK] = check,
	    [AUTHDB_CHANGE] = change,
	    [AUTHDB_EACH] = each};
	struct authdb_job *j = (struct authdb_job *)work;
	j->verdict = AUTHDB_NO;
	arms[j->kind](state, j);
}

int main(int argc, char **argv)
{
	static const struct authdb_backend b = {.role = "authldap",
	    .what = "the directory of accounts",
	    .file = &authldaprc,
	    .configure = configure,
	    .files = files,
	    .prepare = prepare,
	    .open = open_state,
	    .run = run};
	return authdb_main(&b, argc, argv);
}
