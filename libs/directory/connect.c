#include "config.h"

#include "directory/directory.h"

void directory_hang_up(LDAP **ld)
{
	if (*ld)
		ldap_unbind_ext_s(*ld, NULL, NULL);
	*ld = NULL;
}

static int set_options(LDAP *ld, const struct directory_server *s)
{
	const struct timeval wait = {.tv_sec = (time_t)s->timeout};
	int version = s->version ? s->version : LDAP_VERSION3, deref = s->deref;
	ldap_set_option(ld, LDAP_OPT_REFERRALS, LDAP_OPT_OFF);
	ldap_set_option(ld, LDAP_OPT_RESTART, LDAP_OPT_ON);
	if (ldap_set_option(ld, LDAP_OPT_PROTOCOL_VERSION, &version) ||
	    ldap_set_option(ld, LDAP_OPT_DEREF, &deref) ||
	    ldap_set_option(ld, LDAP_OPT_NETWORK_TIMEOUT, &wait) ||
	    ldap_set_option(ld, LDAP_OPT_TIMEOUT, &wait))
		return LDAP_PARAM_ERROR;
	return LDAP_SUCCESS;
}

int directory_bind(LDAP *ld, const char *dn, struct str password)
{
	struct berval p = {.bv_val = (char *)(uintptr_t)password.p, .bv_len = password.n};
	return ldap_sasl_bind_s(ld, dn, LDAP_SASL_SIMPLE, &p, NULL, NULL, NULL);
}

int directory_connect(const struct directory_server *s, LDAP **out, const char **what)
{
	*out = NULL;
	*what = "LDAP_URI";
	int r = ldap_initialize(out, s->uri);
	if (r == LDAP_SUCCESS) {
		*what = "options";
		r = set_options(*out, s);
	}
	if (r == LDAP_SUCCESS && s->starttls) {
		*what = "STARTTLS";
		r = ldap_start_tls_s(*out, NULL, NULL);
	}
	if (r == LDAP_SUCCESS && *s->user) {
		*what = "login";
		r = directory_bind(*out, s->user, str_of(s->password));
	}
	if (r != LDAP_SUCCESS)
		directory_hang_up(out);
	return r;
}

bool directory_gone(int code)
{
	return code == LDAP_SERVER_DOWN || code == LDAP_CONNECT_ERROR || code == LDAP_UNAVAILABLE ||
	       code == LDAP_TIMEOUT || code == LDAP_BUSY;
}
