/* Who a verified client certificate says its owner is. */
#include "config.h"
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include "tls/tls-private.h"

enum { FIELD_VALUE_MAX = 255 };

/* What has been found: a second value that differs leaves nothing to go by. */
struct finding {
	struct buf *out;
	size_t at; /* where the value begins in out */
	bool found, unclear;
};

static bool usable(const unsigned char *text, int n)
{
	if (n <= 0 || n > FIELD_VALUE_MAX)
		return false;
	for (int i = 0; i < n; i++)
		if (text[i] < ' ' || text[i] == 0x7f)
			return false;
	return true;
}

static void take(struct finding *f, const ASN1_STRING *value)
{
	unsigned char *text = NULL;
	int n = ASN1_STRING_to_UTF8(&text, value);

	if (!usable(text, n))
		f->unclear = true;
	else if (!f->found)
		f->found = buf_add(f->out, text, (size_t)n);
	else if (!str_eq(str_skip(buf_str(f->out), f->at), str_at(text, (size_t)n)))
		f->unclear = true;
	OPENSSL_free(text);
}

/* OpenSSL's short and long names (CN, commonName; emailAddress), or the numbers of the object. */
static bool is_field(const ASN1_OBJECT *o, struct str field)
{
	int nid = OBJ_obj2nid(o);
	char dotted[80];

	if (nid != NID_undef &&
	    (str_ieq(field, str_of(OBJ_nid2sn(nid))) || str_ieq(field, str_of(OBJ_nid2ln(nid)))))
		return true;
	return OBJ_obj2txt(dotted, sizeof dotted, o, 1) > 0 && str_is(field, dotted);
}

static void in_subject(struct finding *f, const X509 *cert, struct str field)
{
	const X509_NAME *name = X509_get_subject_name(cert);

	for (int i = 0; i < X509_NAME_entry_count(name); i++) {
		const X509_NAME_ENTRY *e = X509_NAME_get_entry(name, i);

		if (is_field(X509_NAME_ENTRY_get_object(e), field))
			take(f, X509_NAME_ENTRY_get_data(e));
	}
}

static void in_alternatives(struct finding *f, const X509 *cert, int type)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);

	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *g = sk_GENERAL_NAME_value(names, i);

		if (g->type == type) /* both types are an ASN1_IA5STRING in the same place */
			take(f, type == GEN_EMAIL ? g->d.rfc822Name : g->d.dNSName);
	}
	GENERAL_NAMES_free(names);
}

bool tls_certificate_field(const X509 *cert, const char *field, struct buf *out)
{
	struct finding f = {.out = out, .at = out->n};
	struct str name = str_of(field);

	if (str_iis(name, "email") || str_iis(name, "dns")) {
		in_alternatives(&f, cert, str_iis(name, "dns") ? GEN_DNS : GEN_EMAIL);
	} else {
		in_subject(&f, cert, name);
		if (!f.found && !f.unclear && str_iis(name, "emailaddress"))
			in_alternatives(&f, cert, GEN_EMAIL);
	}
	ERR_clear_error();
	if (f.found && !f.unclear)
		return true;
	out->n = f.at;
	if (out->p)
		out->p[out->n] = 0;
	return false;
}

bool tls_peer_subject(const struct stream *st, const char *field, struct buf *out)
{
	X509 *cert = tls_peer_verified(st) ? SSL_get0_peer_certificate(tls_ssl(st)) : NULL;

	return cert && field && field[0] && tls_certificate_field(cert, field, out);
}
