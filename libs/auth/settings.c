#include "config.h"

#include "auth/auth.h"

#ifdef HAVE_PAM
#define DEFAULT_MODULES "authuserdb authpam"
#else
#define DEFAULT_MODULES "authuserdb authshadow"
#endif

static const struct config_setting settings[] = {
    {.name = "authmodulelist",
	.type = CONFIG_LIST,
	.def = DEFAULT_MODULES,
	.help = "where accounts are looked for, in this order"},
    {.name = "authmodulelistorig",
	.type = CONFIG_STRING,
	.help = "every module there is, for web administration; the daemon does not look at it"},
    {.name = "daemons",
	.type = CONFIG_INT,
	.def = "5",
	.min = 1,
	.max = 64,
	.help = "processes that check passwords side by side"},
    {.name = "authdaemonvar",
	.type = CONFIG_STRING,
	.help = "folder of the socket; the instance says where it is, not this"},
    {.name = "DEBUG_LOGIN",
	.type = CONFIG_INT,
	.def = "0",
	.min = 0,
	.max = 2,
	.help = "1: log how a login goes; 2: also the passwords"},
    {.name = "DEFAULTOPTIONS",
	.type = CONFIG_STRING,
	.def = "",
	.help = "OPTION=VALUE,... of accounts that do not set that option"},
    {.name = "LOGGEROPTS",
	.type = CONFIG_STRING,
	.idle = "the supervisor keeps the log",
	.help = "no effect"},
    {.name = "AUTH_MECHANISMS",
	.type = CONFIG_LIST,
	.def = "PLAIN LOGIN",
	.help = "SASL mechanisms shown without TLS"},
    {.name = "AUTH_MECHANISMS_TLS",
	.type = CONFIG_LIST,
	.def = "PLAIN LOGIN",
	.help = "SASL mechanisms shown under TLS"},
    {.name = "AUTH_FAIL_DELAY",
	.type = CONFIG_TIME,
	.def = "2",
	.min = 0,
	.max = 30,
	.help = "seconds from a failed attempt to its answer"},
    {.name = "AUTH_CACHE_TTL",
	.type = CONFIG_TIME,
	.def = "300",
	.min = 0,
	.max = 86400,
	.help = "seconds for which a password found right need not be hashed again; 0: never"},
    {.name = "AUTH_CACHE_MAX",
	.type = CONFIG_INT,
	.def = "10000",
	.min = 0,
	.max = 1000000,
	.help = "how many of them are remembered"},
    {.name = "LDAPTLS_CACERT",
	.type = CONFIG_STRING,
	.def = "",
	.help = "authldap: file of the authorities that servers' certificates are from"},
    {.name = "LDAPTLS_REQCERT",
	.type = CONFIG_STRING,
	.def = "",
	.help = "authldap: demand, hard, try, allow or never: what such a certificate must prove"},
    {.name = "LDAPTLS_CERT",
	.type = CONFIG_STRING,
	.def = "",
	.help = "authldap: file of the certificate that it shows"},
    {.name = "LDAPTLS_KEY", .type = CONFIG_STRING, .def = "", .help = "authldap: file of its key"},
    {.name = "AUTH_CHECK_TIMEOUT",
	.type = CONFIG_TIME,
	.def = "30",
	.min = 1,
	.max = 300,
	.help = "seconds for one check of a password"},
};

const struct config_component auth_settings = {
    .name = "authdaemond",
    .file = "authdaemonrc",
    .settings = settings,
    .n = ARRAY_LEN(settings),
};

static const struct config_setting external[] = {
    {.name = "TLS_EXTERNAL",
	.type = CONFIG_STRING,
	.def = "",
	.help = "field of a client's certificate that names who logs in; empty: none does"},
};

#define EXTERNAL(n_, f_, o_)                                                               \
	{                                                                                  \
		.name = (n_), .file = (f_), .overlay = (o_), .settings = external, .n = 1, \
		.foreign_ok = true                                                         \
	}
const struct config_component auth_external_settings[AUTH_EXTERNALS] = {
    EXTERNAL("external", "esmtpd", NULL),
    EXTERNAL("external-msa", "esmtpd", "esmtpd-msa"),
    EXTERNAL("external-ssl", "esmtpd", "esmtpd-ssl"),
    EXTERNAL("external-imap", "imapd", "imapd-ssl"),
    EXTERNAL("external-pop3", "pop3d", "pop3d-ssl"),
};
const unsigned auth_external_kinds[AUTH_EXTERNALS] = {AUTH_EXTERNAL_SMTP, AUTH_EXTERNAL_SMTP,
    AUTH_EXTERNAL_SMTP, AUTH_EXTERNAL_IMAP, AUTH_EXTERNAL_POP3};

struct str auth_mechanisms(const struct config *c, bool tls, struct buf *out)
{
	const char *name = tls ? "AUTH_MECHANISMS_TLS" : "AUTH_MECHANISMS";
	struct str word;
	size_t from = out->n;
	for (size_t at = 0; config_each(c, auth_settings.name, name, &at, &word);) {
		if (out->n > from)
			buf_addc(out, ' ');
		buf_adds(out, word);
	}
	return str_skip(buf_str(out), from);
}

bool auth_offers_binding(struct str mechanisms)
{
	struct str word;
	while (str_word(&mechanisms, &word))
		if (word.n > 5 && str_iis(str_skip(word, word.n - 5), "-PLUS"))
			return true;
	return false;
}
