/* What the environment of a client says about the checks of senders. */
#include "access/access.h"
#include "submit/bofh.h"

bool bofh_spf_words(struct str list, unsigned *out)
{
	static const struct {
		const char *word;
		unsigned bits;
	} words[] = {{"off", 0}, {"none", 1 << SPF_NONE}, {"neutral", 1 << SPF_NEUTRAL},
	    {"pass", 1 << SPF_PASS}, {"fail", 1 << SPF_FAIL}, {"softfail", 1 << SPF_SOFTFAIL},
	    {"error", 1 << SPF_TEMPERROR}, {"unknown", 1 << SPF_PERMERROR}, {"all", BOFH_SPF_ALL},
	    {"allowok", BOFH_SPF_ALLOWOK}, {"mailfromok", BOFH_SPF_MAILFROMOK}};
	struct str word;
	bool good = true, off = false;
	*out = 0;
	while (str_split(&list, ',', &word)) {
		size_t i = 0;
		word = str_trim(word);
		while (i < ARRAY_LEN(words) && !str_iis(word, words[i].word))
			i++;
		if (i < ARRAY_LEN(words))
			*out |= words[i].bits;
		else
			good &= word.n == 0;
		off |= i == 0;
	}
	if (off)
		*out = BOFH_SPF_OFF;
	return good;
}

static uint64_t number(struct str env, const char *name, uint64_t otherwise)
{
	struct str v;
	uint64_t n;
	if (!access_env(env, name, &v))
		return otherwise;
	if (str_u64(v, &n))
		return n;
	return v.n && !str_iis(v, "no");
}

static unsigned words(struct str env, const char *name, unsigned otherwise)
{
	struct str v;
	unsigned set;
	if (!access_env(env, name, &v))
		return otherwise;
	bofh_spf_words(v, &set);
	return set;
}

void bofh_options(struct str env, bool relay, bool check_dns, struct bofh_options *out)
{
	static const char *const names[BOFH_IDENTITIES] = {
	    "BOFHSPFHELO", "BOFHSPFMAILFROM", "BOFHSPFFROM"};
	struct str block;
	bool trusted = relay && number(env, "BOFHSPFTRUSTME", 0);
	uint64_t limit = number(env, "BOFHHEADERLIMIT", 0);
	*out = (struct bofh_options){
	    .check_dns = number(env, "BOFHCHECKDNS", check_dns) > 0,
	    .check_bounces = !relay && number(env, "BOFHCHECKBOUNCES", 0) > 0,
	    .no_base64 = number(env, "BOFHNOBASE64TEXT", 0) > 0,
	    .no_verbose = number(env, "BOFHSPFNOVERBOSE", 0) > 0,
	    .white = access_env(env, "BLOCK", &block) && block.n == 0,
	    .check_helo = relay ? 0 : (unsigned)(number(env, "BOFHCHECKHELO", 0) & 3),
	    .header_limit = limit == 0     ? 0
			    : limit < 1000 ? 1000
					   : (size_t)limit,
	    .hard = words(env, "BOFHSPFHARDERROR", 1 << SPF_FAIL | 1 << SPF_SOFTFAIL),
	};
	if (out->header_limit > 16 * 1024 * 1024)
		out->header_limit = 16 * 1024 * 1024;
	for (size_t i = 0; i < BOFH_IDENTITIES; i++) {
		unsigned set = trusted ? BOFH_SPF_OFF : words(env, names[i], BOFH_SPF_OFF);
		if ((set & BOFH_SPF_ALLOWOK) && out->white)
			set = BOFH_SPF_OFF;
		out->spf[i] = set & BOFH_SPF_ALL ? set : BOFH_SPF_OFF;
	}
}

void bofh_no_client(struct bofh_options *o)
{
	o->check_helo = 0;
	for (size_t i = 0; i < BOFH_IDENTITIES; i++)
		o->spf[i] = BOFH_SPF_OFF;
}
