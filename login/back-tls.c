/* The words of IMAP_PROXY_TLS and POP3_PROXY_TLS, for the front and for whoever proves its
 * settings. */
#include "config.h"

#include "login/back-talk.h"
#include "login/login.h"

bool back_tls_parse(struct str word, enum back_tls *out)
{
	static const char *const words[] = {"no", "offered", "required", "verify"};
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (str_iis(word, words[i])) {
			*out = (enum back_tls)i;
			return true;
		}
	return false;
}

bool login_tls_policy_ok(struct str value)
{
	enum back_tls unused;
	return back_tls_parse(value, &unused);
}
