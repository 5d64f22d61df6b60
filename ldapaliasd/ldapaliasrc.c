#include "config.h"

#include "ldapaliasd/ldapaliasrc.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>

enum { RC_ARENA_MAX = 256 * 1024 };

static const struct field {
	const char *name;
	size_t at;
} fields[] = {
    {"LDAP_URI", offsetof(struct ldapaliasrc, uri)},
    {"LDAP_BASEDN", offsetof(struct ldapaliasrc, base)},
    {"LDAP_BINDDN", offsetof(struct ldapaliasrc, user)},
    {"LDAP_BINDPW", offsetof(struct ldapaliasrc, password)},
    {"LDAP_MAIL", offsetof(struct ldapaliasrc, mail)},
    {"LDAP_MAILDROP", offsetof(struct ldapaliasrc, maildrop)},
    {"LDAP_SOURCE", offsetof(struct ldapaliasrc, source)},
    {"LDAP_VDOMAIN", offsetof(struct ldapaliasrc, vdomain)},
    {"LDAP_VUSER", offsetof(struct ldapaliasrc, vuser)},
};

static bool number(struct str v, uint64_t from, uint64_t to, unsigned *out)
{
	uint64_t n;
	if (!str_u64(v, &n) || n < from || n > to)
		return false;
	*out = (unsigned)n;
	return true;
}

static bool flag(struct str v, bool *out)
{
	unsigned n;
	if (!number(v, 0, 1, &n))
		return false;
	*out = n;
	return true;
}

/* NULL, or what is wrong. */
static const char *set_text(struct str name, struct str v, struct arena *a, struct ldapaliasrc *out)
{
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		if (!str_is(name, fields[i].name))
			continue;
		const char *z = arena_strz(a, v);
		if (!z)
			return "the file is too large";
		memcpy((char *)out + fields[i].at, &z, sizeof(z));
		return NULL;
	}
	return arena_printf(a, "'%.*s' is no setting of this file", STR_FMT(str_head(name, 60)));
}

static const char *set(struct str name, struct str v, struct arena *a, struct ldapaliasrc *out)
{
	if (str_is(name, "LDAP_ALIAS"))
		return flag(v, &out->on) ? NULL : "LDAP_ALIAS is 0 or 1";
	if (str_is(name, "LDAP_TLS"))
		return flag(v, &out->starttls) ? NULL : "LDAP_TLS is 0 or 1";
	if (str_is(name, "LDAP_TIMEOUT"))
		return number(v, 1, 300, &out->timeout) ? NULL : "LDAP_TIMEOUT is 1 to 300 seconds";
	if (str_is(name, "LDAP_NUMPROCS"))
		return number(v, 1, 64, &out->connections) ? NULL : "LDAP_NUMPROCS is 1 to 64";
	return set_text(name, v, a, out);
}

static bool is_attribute(const char *z)
{
	size_t n = strlen(z);
	for (size_t i = 0; i < n; i++)
		if (!ascii_alnum((unsigned char)z[i]) && !strchr("-.;", z[i]))
			return false;
	return n > 0 && n < 100;
}

static const char *judge(const struct ldapaliasrc *rc)
{
	if (!rc->on)
		return NULL;
	if (!*rc->uri)
		return "LDAP_URI is missing";
	if (!is_attribute(rc->mail) || !is_attribute(rc->maildrop) ||
	    (*rc->source && !is_attribute(rc->source)))
		return "LDAP_MAIL, LDAP_MAILDROP and LDAP_SOURCE are names of attributes";
	if (!*rc->vdomain != !*rc->vuser)
		return "LDAP_VDOMAIN and LDAP_VUSER go together";
	if (*rc->vdomain && (!is_attribute(rc->vdomain) || !is_attribute(rc->vuser)))
		return "LDAP_VDOMAIN and LDAP_VUSER are names of attributes";
	return NULL;
}

int ldapaliasrc_parse(
    struct str text, struct arena *a, struct ldapaliasrc *out, unsigned *line, const char **why)
{
	struct str l, name;
	*out = (struct ldapaliasrc){.timeout = 5,
	    .connections = 5,
	    .uri = "ldap://localhost:389",
	    .base = "",
	    .user = "",
	    .password = "",
	    .mail = "mail",
	    .maildrop = "maildrop",
	    .source = "",
	    .vdomain = "",
	    .vuser = ""};
	for (*line = 1; str_split(&text, '\n', &l); ++*line) {
		struct str rest = str_trim(l);
		if (rest.n == 0 || rest.p[0] == '#')
			continue;
		str_word(&rest, &name);
		*why = str_has_ctl(str_trim(rest)) ? "a control character"
						   : set(name, str_trim(rest), a, out);
		if (*why)
			return -1;
	}
	*line = 0;
	*why = judge(out);
	return *why ? -1 : 0;
}

int ldapaliasrc_load(const char *etc, struct arena *a, struct ldapaliasrc *out, const char **why)
{
	struct buf text;
	unsigned line = 0;
	const char *path = arena_printf(a, "%s/ldapaliasrc", etc);
	buf_init(&text, LDAPALIASRC_MAX);
	int r = path ? file_read(AT_FDCWD, path, &text) : -1;
	if (r < 0 && errno != ENOENT)
		*why =
		    arena_printf(a, "%s: cannot be read: %s", path ? path : etc, strerror(errno));
	else if ((r = ldapaliasrc_parse(buf_str(&text), a, out, &line, why)) < 0)
		*why = arena_printf(a, "%s:%u: %s", path, line, *why);
	if (text.p)
		mem_wipe(text.p, text.n);
	buf_free(&text);
	return r;
}

bool ldapaliasrc_on(const char *etc)
{
	struct arena *a = arena_new(RC_ARENA_MAX);
	struct ldapaliasrc rc;
	const char *why;
	bool on = !a || ldapaliasrc_load(etc, a, &rc, &why) < 0 || rc.on;
	arena_free(a);
	return on;
}
