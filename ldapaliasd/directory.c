#include "config.h"

#include "directory/directory.h"
#include "ldapaliasd/directory.h"

#include <stdio.h>
#include <stdlib.h>

enum { FILTER_MAX = 64 * 1024, VALUE_MAX = 4000, WHY_MAX = 400 };

struct directory {
	const struct ldapaliasrc *rc;
	LDAP *ld;
	char why[WHY_MAX];
};

struct directory *directory_new(const struct ldapaliasrc *rc)
{
	struct directory *d = mem_new(struct directory);
	d->rc = rc;
	return d;
}

/* ---- the connection -------------------------------------------------------------------------- */

static int failed(struct directory *d, const char *what, int code)
{
	snprintf(d->why, sizeof(d->why), "%s: %s: %s", d->rc->uri, what, ldap_err2string(code));
	directory_hang_up(&d->ld);
	return -1;
}

static int call(struct directory *d)
{
	const struct directory_server server = {.uri = d->rc->uri,
	    .user = d->rc->user,
	    .password = d->rc->password,
	    .timeout = d->rc->timeout,
	    .starttls = d->rc->starttls};
	const char *what;
	int r = directory_connect(&server, &d->ld, &what);
	return r == LDAP_SUCCESS ? 0 : failed(d, what, r);
}

/* ---- searches -------------------------------------------------------------------------------- */

static int search_once(
    struct directory *d, const char *filter, const char *attribute, LDAPMessage **found)
{
	char *attributes[] = {(char *)(uintptr_t)attribute, NULL};
	struct timeval wait = {.tv_sec = (time_t)d->rc->timeout};
	return ldap_search_ext_s(d->ld, d->rc->base, LDAP_SCOPE_SUBTREE, filter, attributes, 0,
	    NULL, NULL, &wait, LDAP_NO_LIMIT, found);
}

/* A connection that has been open for a while may have ended meanwhile: it gets a second try. */
static int search(
    struct directory *d, const char *filter, const char *attribute, LDAPMessage **found)
{
	bool fresh = d->ld == NULL;
	int code = LDAP_SERVER_DOWN;
	*found = NULL;
	if (d->ld || call(d) == 0)
		code = search_once(d, filter, attribute, found);
	else
		return -1;
	if (!fresh && directory_gone(code)) {
		ldap_msgfree(*found);
		*found = NULL;
		directory_hang_up(&d->ld);
		if (call(d) < 0)
			return -1;
		code = search_once(d, filter, attribute, found);
	}
	return code == LDAP_SUCCESS ? 0 : failed(d, "search", code);
}

static bool add_value(const struct berval *v, struct buf *out)
{
	struct str s = str_trim(str_at(v->bv_val, v->bv_len));
	if (s.n == 0 || s.n > VALUE_MAX || str_has_ctl(s))
		return true; /* no address, and no line */
	return buf_adds(out, s) && buf_addc(out, '\n');
}

static bool add_values(LDAP *ld, LDAPMessage *entry, const char *attribute, struct buf *out)
{
	struct berval **v = ldap_get_values_len(ld, entry, attribute);
	bool good = true;
	for (size_t i = 0; good && v && v[i]; i++)
		good = add_value(v[i], out);
	ldap_value_free_len(v);
	return good;
}

/* 1 with values in out, 0 there is none, -1. */
static int values_of(
    struct directory *d, const char *filter, const char *attribute, struct buf *out)
{
	LDAPMessage *found;
	size_t before = out->n;
	bool good = true;
	if (search(d, filter, attribute, &found) < 0) {
		ldap_msgfree(found);
		return -1;
	}
	for (LDAPMessage *e = ldap_first_entry(d->ld, found); good && e;
	     e = ldap_next_entry(d->ld, e))
		good = add_values(d->ld, e, attribute, out);
	ldap_msgfree(found);
	if (!good)
		snprintf(d->why, sizeof(d->why), "%s: the answer is too large", d->rc->uri);
	return good ? out->n > before : -1;
}

/* Entries for this source, and when there are none, those without any. */
static int look_for(struct directory *d, const char *attribute, struct str value, struct str source,
    const char *wanted, struct buf *out)
{
	bool sources = *d->rc->source != 0;
	struct buf filter;
	int r = -1;
	buf_init(&filter, FILTER_MAX);
	if (directory_filter(&filter, attribute, value, d->rc->source, sources ? source : STR_NONE))
		r = values_of(d, filter.p, wanted, out);
	if (r == 0 && sources && source.n &&
	    directory_filter(&filter, attribute, value, d->rc->source, STR("")))
		r = values_of(d, filter.p, wanted, out);
	buf_free(&filter);
	return r;
}

enum ldapalias_result directory_ask(
    struct directory *d, const struct directory_question *q, struct buf *out)
{
	int r = 0;
	for (unsigned i = 0; r == 0 && i < q->n; i++)
		r = look_for(d, d->rc->mail, q->keys[i], q->source, d->rc->maildrop, out);
	if (r > 0)
		return LDAPALIAS_MEMBERS;
	if (r == 0 && *d->rc->vdomain)
		r = look_for(d, d->rc->vdomain, q->domain, q->source, d->rc->vuser, out);
	if (r >= 0)
		return r ? LDAPALIAS_DOMAIN : LDAPALIAS_NONE;
	buf_clear(out);
	buf_addz(out, d->why);
	return LDAPALIAS_DOWN;
}
