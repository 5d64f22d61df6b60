#include "config.h"

#include "authdb/ldaprc.h"

static const struct rc_setting settings[] = {
    {.name = "LDAP_URI", .at = LDAPRC_URI},
    {.name = "LDAP_SERVER", .at = LDAPRC_SERVER},
    {.name = "LDAP_PORT",
	.at = LDAPRC_PORT,
	.type = RC_NUMBER,
	.def = "389",
	.min = 1,
	.max = 65535},
    {.name = "LDAP_PROTOCOL_VERSION",
	.at = LDAPRC_VERSION,
	.type = RC_NUMBER,
	.def = "3",
	.min = 2,
	.max = 3},
    {.name = "LDAP_BASEDN", .at = LDAPRC_BASEDN},
    {.name = "LDAP_BINDDN", .at = LDAPRC_BINDDN},
    {.name = "LDAP_BINDPW", .at = LDAPRC_BINDPW},
    {.name = "LDAP_TIMEOUT",
	.at = LDAPRC_TIMEOUT,
	.type = RC_NUMBER,
	.def = "5",
	.min = 1,
	.max = 30},
    {.name = "LDAP_AUTHBIND", .at = LDAPRC_AUTHBIND, .type = RC_FLAG, .def = "0"},
    {.name = "LDAP_INITBIND", .at = LDAPRC_INITBIND, .type = RC_FLAG, .def = "1"},
    {.name = "LDAP_MAIL", .at = LDAPRC_MAIL, .def = "mail"},
    {.name = "LDAP_FILTER", .at = LDAPRC_FILTER},
    {.name = "LDAP_DOMAIN", .at = LDAPRC_DOMAIN},
    {.name = "LDAP_GLOB_UID", .at = LDAPRC_GLOB_UID},
    {.name = "LDAP_GLOB_GID", .at = LDAPRC_GLOB_GID},
    {.name = "LDAP_HOMEDIR", .at = LDAPRC_HOMEDIR, .def = "homeDirectory"},
    {.name = "LDAP_MAILROOT", .at = LDAPRC_MAILROOT},
    {.name = "LDAP_MAILDIR", .at = LDAPRC_MAILDIR, .def = "mailbox"},
    {.name = "LDAP_DEFAULTDELIVERY", .at = LDAPRC_DELIVERY, .def = "defaultDelivery"},
    {.name = "LDAP_MAILDIRQUOTA", .at = LDAPRC_QUOTA},
    {.name = "LDAP_FULLNAME", .at = LDAPRC_FULLNAME, .def = "cn"},
    {.name = "LDAP_CLEARPW", .at = LDAPRC_CLEARPW, .def = "clearPassword"},
    {.name = "LDAP_CRYPTPW", .at = LDAPRC_CRYPTPW, .def = "userPassword"},
    {.name = "LDAP_UID", .at = LDAPRC_UID},
    {.name = "LDAP_GID", .at = LDAPRC_GID},
    {.name = "LDAP_AUXOPTIONS", .at = LDAPRC_AUXOPTIONS},
    {.name = "LDAP_ENUMERATE_FILTER", .at = LDAPRC_ENUMERATE_FILTER},
    {.name = "LDAP_DEREF", .at = LDAPRC_DEREF, .def = "never"},
    {.name = "LDAP_TLS", .at = LDAPRC_TLS, .type = RC_FLAG, .def = "0"},
    {.name = "LDAP_EMAILMAP", .at = LDAPRC_EMAILMAP},
    {.name = "LDAP_EMAILMAP_BASEDN", .at = LDAPRC_EMAILMAP_BASEDN},
    {.name = "LDAP_EMAILMAP_ATTRIBUTE", .at = LDAPRC_EMAILMAP_ATTRIBUTE},
    {.name = "LDAP_EMAILMAP_MAIL", .at = LDAPRC_EMAILMAP_MAIL},
};

static bool is_attribute(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_alnum((unsigned char)s.p[i]) && !memchr("-._;", s.p[i], 4))
			return false;
	return s.n > 0 && s.n < 100;
}

int ldaprc_options(const char *text, struct arena *a, struct ldap_option out[LDAPRC_OPTIONS_MAX])
{
	struct str rest = str_of(text), one;
	int n = 0;
	while (rest.n && str_split(&rest, ',', &one)) {
		ptrdiff_t eq = str_chr(one, '=');
		struct str attribute = str_head(one, eq < 0 ? 0 : (size_t)eq);
		struct str name = str_skip(one, eq < 0 ? one.n : (size_t)eq + 1);
		if (n == LDAPRC_OPTIONS_MAX || !is_attribute(attribute) || !is_attribute(name))
			return -1;
		out[n++] = (struct ldap_option){arena_strz(a, attribute), arena_strz(a, name)};
		if (!out[n - 1].attribute || !out[n - 1].name)
			return -1;
	}
	return n;
}

static const char *judge_attributes(const char *const *v, struct arena *a)
{
	static const struct {
		enum ldap_value at;
		bool needed;
	} all[] = {{LDAPRC_MAIL, true}, {LDAPRC_HOMEDIR, true}, {LDAPRC_MAILDIR, false},
	    {LDAPRC_DELIVERY, false}, {LDAPRC_QUOTA, false}, {LDAPRC_FULLNAME, false},
	    {LDAPRC_CLEARPW, false}, {LDAPRC_CRYPTPW, false}, {LDAPRC_UID, false},
	    {LDAPRC_GID, false}, {LDAPRC_EMAILMAP_ATTRIBUTE, false}, {LDAPRC_EMAILMAP_MAIL, false}};
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		struct str s = str_of(v[all[i].at]);
		if (s.n ? !is_attribute(s) : all[i].needed)
			return arena_printf(a, "'%s' is no name of an attribute", v[all[i].at]);
	}
	return NULL;
}

/* A filter of the file is put beside others: it must be whole. */
static bool is_filter(const char *z)
{
	int depth = 0;
	if (*z == 0)
		return true;
	if (*z != '(')
		return false;
	for (; *z; z++) {
		depth += *z == '(' ? 1 : *z == ')' ? -1 : 0;
		if (depth == 0 && z[1])
			return false;
	}
	return depth == 0;
}

static const char *judge(const char *const *v, struct arena *a)
{
	static const char *const deref[] = {"never", "searching", "finding", "always", ""};
	struct ldap_option options[LDAPRC_OPTIONS_MAX];
	bool known = false;
	for (size_t i = 0; i < ARRAY_LEN(deref); i++)
		known |= str_iis(str_of(v[LDAPRC_DEREF]), deref[i]);
	if (!*v[LDAPRC_URI] && !*v[LDAPRC_SERVER])
		return "LDAP_URI is missing";
	if (!known)
		return "LDAP_DEREF is never, searching, finding or always";
	if (!is_filter(v[LDAPRC_FILTER]) || !is_filter(v[LDAPRC_ENUMERATE_FILTER]) ||
	    !is_filter(v[LDAPRC_EMAILMAP]))
		return "LDAP_FILTER, LDAP_ENUMERATE_FILTER and LDAP_EMAILMAP are filters in "
		       "parentheses";
	if ((!*v[LDAPRC_GLOB_UID] && !*v[LDAPRC_UID]) || (!*v[LDAPRC_GLOB_GID] && !*v[LDAPRC_GID]))
		return "LDAP_UID and LDAP_GID, or LDAP_GLOB_UID and LDAP_GLOB_GID, are needed";
	if (*v[LDAPRC_EMAILMAP] && !*v[LDAPRC_EMAILMAP_ATTRIBUTE])
		return "LDAP_EMAILMAP needs LDAP_EMAILMAP_ATTRIBUTE";
	if (*v[LDAPRC_EMAILMAP] && *v[LDAPRC_DOMAIN])
		return "LDAP_EMAILMAP and LDAP_DOMAIN exclude each other";
	if (ldaprc_options(v[LDAPRC_AUXOPTIONS], a, options) < 0)
		return "LDAP_AUXOPTIONS is attribute=option,... without blanks";
	return judge_attributes(v, a);
}

const struct rc_file authldaprc = {"authldaprc", settings, ARRAY_LEN(settings), judge};
