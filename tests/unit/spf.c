/*
 * SPF (RFC 7208): records, macros and evaluations in tables, with a name server in memory.
 * MTA-0325
 */
#include "config.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>
#include "dns/rdata.h"
#include "spf/spf-private.h"

/* ---- the zone -------------------------------------------------------------------------------- */

struct rr {
	const char *name, *type; /* TXT, A, AAAA, MX, PTR; or FAIL: the name can't be looked up */
	const char *value;       /* TXT: strings parted by '|' */
};

static const struct rr zone[] = {
#define TXT(n, v)           \
	{                   \
		n, "TXT", v \
	}
    TXT("all.test", "v=spf1 -all"),
    TXT("plus.test", "v=spf1 +all"),
    TXT("soft.test", "v=spf1 ~all"),
    TXT("ask.test", "v=spf1 ?all"),
    TXT("bare.test", "v=spf1"),
    TXT("upper.test", "V=SPF1 IP4:192.0.2.1 -ALL"),
    TXT("joined.test", "v=spf1 ip4:192.|0.2.1 -all"),
    TXT("joined2.test", "v=sp|f1 -all"),
    TXT("spaces.test", "v=spf1   ip4:192.0.2.1   -all  "),
    TXT("spf10.test", "v=spf10 -all"),
    TXT("other.test", "just some text"),
    TXT("mixed.test", "just some text"),
    TXT("mixed.test", "v=spf1 -all"),
    TXT("two.test", "v=spf1 -all"),
    TXT("two.test", "v=spf1 -all"),
    {"fail.test", "FAIL", ""},
    {"only-a.test", "A", "192.0.2.1"},
    TXT("bad.test", "v=spf1 ip4:192.0.2.1 foo:bar -all"),
    TXT("late.test", "v=spf1 ip4:192.0.2.1 -all moo"),
    TXT("net.test", "v=spf1 ip4:192.0.2.0/25 -all"),
    TXT("net6.test", "v=spf1 ip6:2001:db8::/33 -all"),
    TXT("zero.test", "v=spf1 ip4:9.9.9.9/0 -all"),
    TXT("zero6.test", "v=spf1 ip6:9::/0 -all"),
    TXT("noneutral.test", "v=spf1 ip4:9.9.9.9"),

    TXT("a.test", "v=spf1 a -all"),
    {"a.test", "A", "192.0.2.1"},
    {"a.test", "AAAA", "2001:db8::1"},
    TXT("alen.test", "v=spf1 a/24//64 -all"),
    {"alen.test", "A", "192.0.2.200"},
    {"alen.test", "AAAA", "2001:db8::ffff"},
    TXT("alen6.test", "v=spf1 a:alen.test//64 -all"),
    TXT("aname.test", "v=spf1 a:a.test -all"),
    TXT("afail.test", "v=spf1 a:fail.test -all"),
    TXT("agone.test", "v=spf1 a:gone.test -all"),

    TXT("mx.test", "v=spf1 mx -all"),
    {"mx.test", "MX", "h1.test"},
    {"mx.test", "MX", "h2.test"},
    {"h1.test", "A", "192.0.2.9"},
    {"h2.test", "A", "192.0.2.1"},
    {"h2.test", "AAAA", "2001:db8::1"},
    TXT("mxnone.test", "v=spf1 mx -all"),
    {"mxnone.test", "A", "192.0.2.1"},
    TXT("mxfail.test", "v=spf1 mx:mxf.test -all"),
    {"mxf.test", "MX", "fail.test"},
    TXT("mxnull.test", "v=spf1 mx -all"),
    {"mxnull.test", "MX", ""},
    TXT("mxmany.test", "v=spf1 mx -all"),
#define M(n)                                        \
	{                                           \
		"mxmany.test", "MX", "h" #n ".test" \
	}
    M(1),
    M(2),
    M(3),
    M(4),
    M(5),
    M(6),
    M(7),
    M(8),
    M(9),
    M(10),
    M(11),

    TXT("inc.test", "v=spf1 include:a.test -all"),
    TXT("incsoft.test", "v=spf1 include:soft.test ?all"),
    TXT("incall.test", "v=spf1 include:all.test +all"),
    TXT("incask.test", "v=spf1 include:ask.test +all"),
    TXT("incnone.test", "v=spf1 include:other.test +all"),
    TXT("incgone.test", "v=spf1 include:gone.test +all"),
    TXT("incbad.test", "v=spf1 include:bad.test +all"),
    TXT("incfail.test", "v=spf1 include:fail.test +all"),
    TXT("incself.test", "v=spf1 include:incself.test -all"),
    TXT("increv.test", "v=spf1 -include:plus.test +all"),

    TXT("red.test", "v=spf1 redirect=a.test"),
    TXT("redfirst.test", "v=spf1 redirect=all.test ip4:192.0.2.1"),
    TXT("redall.test", "v=spf1 redirect=plus.test -all"),
    TXT("rednone.test", "v=spf1 redirect=other.test"),
    TXT("redgone.test", "v=spf1 redirect=gone.test"),
    TXT("redself.test", "v=spf1 redirect=redself.test"),
    TXT("redtwice.test", "v=spf1 redirect=a.test redirect=a.test"),
    TXT("redmacro.test", "v=spf1 redirect=%{l}.test"),

    TXT("exists.test", "v=spf1 exists:%{ir}.%{l1r-}.%{v}.list.test -all"),
    {"1.2.0.192.strong.in-addr.list.test", "A", "127.0.0.2"},
    {"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.strong.ip6.list.test", "A",
	"127.0.0.2"},
    TXT("existsfail.test", "v=spf1 exists:fail.test -all"),
    TXT("existsodd.test", "v=spf1 exists:%{l}.odd.test -all"),
    {"a+b=c.odd.test", "A", "127.0.0.2"},

    TXT("ptr.test", "v=spf1 ptr -all"),
    TXT("ptrother.test", "v=spf1 ptr:other-domain.test -all"),
    {"1.2.0.192.in-addr.arpa", "PTR", "liar.ptr.test"},
    {"1.2.0.192.in-addr.arpa", "PTR", "mail.ptr.test"},
    {"liar.ptr.test", "A", "192.0.2.77"},
    {"mail.ptr.test", "A", "192.0.2.1"},
    {"2.2.0.192.in-addr.arpa", "FAIL", ""},
    {"3.2.0.192.in-addr.arpa", "PTR", "notptr.test"},
    {"notptr.test", "A", "192.0.2.3"},
    TXT("pmacro.test", "v=spf1 exists:%{p}.seen.test -all"),
    {"mail.ptr.test.seen.test", "A", "127.0.0.2"},
    {"unknown.seen.test", "A", "127.0.0.2"},

    TXT("ten.test", "v=spf1 a:h1.test a:h1.test a:h1.test a:h1.test a:h1.test a:h1.test "
		    "a:h1.test a:h1.test a:h1.test a:h2.test -all"),
    TXT("eleven.test", "v=spf1 a:h1.test a:h1.test a:h1.test a:h1.test a:h1.test a:h1.test "
		       "a:h1.test a:h1.test a:h1.test a:h1.test a:h2.test -all"),
    TXT("redeleven.test", "v=spf1 a:h1.test a:h1.test a:h1.test a:h1.test a:h1.test a:h1.test "
			  "a:h1.test a:h1.test a:h1.test a:h1.test redirect=plus.test"),
    TXT("void2.test", "v=spf1 a:gone.test a:gone2.test ip4:192.0.2.1 -all"),
    TXT("void3.test", "v=spf1 a:gone.test a:gone2.test a:gone3.test ip4:192.0.2.1 -all"),

    TXT("exp.test", "v=spf1 -all exp=why.test"),
    TXT("why.test", "%{i} is not one of %{d}'s%_hosts (%{l}, %{c}, %{r}, %{t}%%)"),
    TXT("expinc.test", "v=spf1 include:exp.test -all"),
    TXT("expred.test", "v=spf1 redirect=exp.test"),
    TXT("expgone.test", "v=spf1 -all exp=gone.test"),
    TXT("expfail.test", "v=spf1 -all exp=fail.test"),
    TXT("exptwo.test", "v=spf1 -all exp=two.test"),
    TXT("expbad.test", "v=spf1 -all exp=expbadtext.test"),
    TXT("expbadtext.test", "%{z} is no macro"),
    TXT("exp8.test", "v=spf1 -all exp=exp8text.test"),
    TXT("exp8text.test", "caf\xc3\xa9"),
    TXT("expsplit.test", "v=spf1 -all exp=expsplittext.test"),
    TXT("expsplittext.test", "one |two"),
    TXT("expmod.test", "v=spf1 -all exp=a.test exp=b.test"),
    TXT("expsoft.test", "v=spf1 ~all exp=why.test"),

    TXT("mod.test", "v=spf1 unknown-thing=%{d}/x other=y -all"),
    TXT("modbad.test", "v=spf1 unknown=%{ -all"),
    TXT("xn--bcher-kva.test", "v=spf1 exists:%{o}.seen.test -all"),
    {"xn--bcher-kva.test.seen.test", "A", "127.0.0.2"},
    TXT("emptylabel.test", "v=spf1 a:x..test ip4:192.0.2.1 -all"),
    TXT("helo.test", "v=spf1 exists:%{h}.seen.test -all"),
    {"client.test.seen.test", "A", "127.0.0.2"},
    TXT("post.test", "v=spf1 exists:%{s}.seen.test -all"),
    {"postmaster@post.test.seen.test", "A", "127.0.0.2"},
    TXT("long.test", "v=spf1 exists:%{l}.%{l}.%{l}.%{l}.%{l}.%{d} -all"),
};

static uint16_t type_code(const char *t)
{
	static const struct {
		const char *name;
		uint16_t code;
	} types[] = {{"TXT", ns_t_txt}, {"A", ns_t_a}, {"AAAA", ns_t_aaaa}, {"MX", ns_t_mx},
	    {"PTR", ns_t_ptr}};
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (strcmp(types[i].name, t) == 0)
			return types[i].code;
	return 0;
}

static void put_name(struct buf *out, struct str name)
{
	struct str label;
	while (str_split(&name, '.', &label)) {
		buf_addc(out, (char)label.n);
		buf_adds(out, label);
	}
	buf_addc(out, 0);
}

static struct str wire(struct arena *a, const struct rr *r)
{
	struct buf b;
	struct str v = str_of(r->value), piece;
	struct sockaddr_storage ss;
	buf_init(&b, 4096);
	switch (type_code(r->type)) {
	case ns_t_txt:
		while (str_split(&v, '|', &piece)) {
			buf_addc(&b, (char)piece.n);
			buf_adds(&b, piece);
		}
		break;
	case ns_t_a:
		assert_true(dns_literal(v, &ss));
		buf_add(&b, &((struct sockaddr_in *)&ss)->sin_addr, 4);
		break;
	case ns_t_aaaa:
		assert_true(dns_literal(v, &ss));
		buf_add(&b, &((struct sockaddr_in6 *)&ss)->sin6_addr, 16);
		break;
	case ns_t_mx:
		buf_add(&b, "\0\012", 2);
		put_name(&b, v);
		break;
	default:
		put_name(&b, v);
	}
	struct str s = arena_str(a, buf_str(&b));
	buf_free(&b);
	return s;
}

struct server {
	struct arena *arena;
	unsigned asked; /* questions */
	unsigned allow; /* of them are answered, then "not known yet" */
};

static const struct dns_answer *look(void *ctx, struct str name, uint16_t type)
{
	struct server *s = ctx;
	if (s->asked++ >= s->allow)
		return NULL;
	struct dns_answer *a = arena_zero(s->arena, sizeof *a);
	struct str *rdata = arena_zero(s->arena, 20 * sizeof *rdata);
	assert_non_null(rdata);
	a->status = DNS_NXDOMAIN;
	a->rdata = rdata;
	for (size_t i = 0; i < ARRAY_LEN(zone); i++) {
		if (!str_iis(name, zone[i].name))
			continue;
		if (strcmp(zone[i].type, "FAIL") == 0) {
			a->status = DNS_TEMPFAIL;
			return a;
		}
		if (a->status == DNS_NXDOMAIN)
			a->status = DNS_NODATA;
		if (type_code(zone[i].type) == type) {
			a->status = DNS_OK;
			rdata[a->n++] = wire(s->arena, &zone[i]);
		}
	}
	return a;
}

/* ---- evaluations ----------------------------------------------------------------------------- */

struct vector {
	const char *section; /* of RFC 7208 */
	const char *domain, *ip, *local;
	enum spf_result result;
	const char *explanation;
};

#define IP4 "192.0.2.1"
#define IP6 "2001:db8::1"
static const struct vector vectors[] = {
    {"2.6.1", "other.test", IP4, "u", SPF_NONE, NULL},
    {"2.6.2", "ask.test", IP4, "u", SPF_NEUTRAL, NULL},
    {"2.6.3", "plus.test", IP4, "u", SPF_PASS, NULL},
    {"2.6.4", "all.test", IP4, "u", SPF_FAIL, NULL},
    {"2.6.5", "soft.test", IP4, "u", SPF_SOFTFAIL, NULL},
    {"2.6.6", "fail.test", IP4, "u", SPF_TEMPERROR, NULL},
    {"2.6.7", "bad.test", IP4, "u", SPF_PERMERROR, NULL},
    {"3.2", "two.test", IP4, "u", SPF_PERMERROR, NULL},
    {"3.3", "joined.test", IP4, "u", SPF_PASS, NULL},
    {"3.3", "joined2.test", IP4, "u", SPF_FAIL, NULL},
    {"4.3", "single", IP4, "u", SPF_NONE, NULL},
    {"4.3", "[192.0.2.1]", IP4, "u", SPF_NONE, NULL},
    {"4.3", "empty..label.test", IP4, "u", SPF_NONE, NULL},
    {"4.3", "a23456789012345678901234567890123456789012345678901234567890abcde.test", IP4, "u",
	SPF_NONE, NULL},
    {"4.3", "", IP4, "u", SPF_NONE, NULL},
    {"4.3", "post.test", IP4, "", SPF_PASS, NULL},
    {"4.3",
	"b\xc3\xbc"
	"cher.test",
	IP4, "u", SPF_PASS, NULL},
    {"4.3", "xn--bcher-kva.test", IP4, "u", SPF_PASS, NULL},
    {"4.3", "ALL.test.", IP4, "u", SPF_FAIL, NULL},
    {"4.4", "gone.test", IP4, "u", SPF_NONE, NULL},
    {"4.4", "only-a.test", IP4, "u", SPF_NONE, NULL},
    {"4.5", "spf10.test", IP4, "u", SPF_NONE, NULL},
    {"4.5", "mixed.test", IP4, "u", SPF_FAIL, NULL},
    {"4.5", "upper.test", IP4, "u", SPF_PASS, NULL},
    {"4.5", "bare.test", IP4, "u", SPF_NEUTRAL, NULL},
    {"4.5", "spaces.test", IP4, "u", SPF_PASS, NULL},
    {"4.6", "late.test", IP4, "u", SPF_PERMERROR, NULL},
    {"4.6.4", "ten.test", IP4, "u", SPF_PASS, NULL},
    {"4.6.4", "eleven.test", IP4, "u", SPF_PERMERROR, NULL},
    {"4.6.4", "redeleven.test", IP4, "u", SPF_PERMERROR, NULL},
    {"4.6.4", "incself.test", IP4, "u", SPF_PERMERROR, NULL},
    {"4.6.4", "redself.test", IP4, "u", SPF_PERMERROR, NULL},
    {"4.6.4", "mxmany.test", IP4, "u", SPF_PERMERROR, NULL},
    {"4.6.4", "void2.test", IP4, "u", SPF_PASS, NULL},
    {"4.6.4", "void3.test", IP4, "u", SPF_PERMERROR, NULL},
    {"4.7", "noneutral.test", IP4, "u", SPF_NEUTRAL, NULL},
    {"4.8", "emptylabel.test", IP4, "u", SPF_PASS, NULL},
    {"5", "net.test", "::ffff:192.0.2.1", "u", SPF_PASS, NULL},
    {"5.1", "redall.test", IP4, "u", SPF_FAIL, NULL},
    {"5.2", "inc.test", IP4, "u", SPF_PASS, NULL},
    {"5.2", "inc.test", "192.0.2.2", "u", SPF_FAIL, NULL},
    {"5.2", "incsoft.test", IP4, "u", SPF_NEUTRAL, NULL},
    {"5.2", "incall.test", IP4, "u", SPF_PASS, NULL},
    {"5.2", "incask.test", IP4, "u", SPF_PASS, NULL},
    {"5.2", "incnone.test", IP4, "u", SPF_PERMERROR, NULL},
    {"5.2", "incgone.test", IP4, "u", SPF_PERMERROR, NULL},
    {"5.2", "incbad.test", IP4, "u", SPF_PERMERROR, NULL},
    {"5.2", "incfail.test", IP4, "u", SPF_TEMPERROR, NULL},
    {"5.2", "increv.test", IP4, "u", SPF_FAIL, NULL},
    {"5.3", "a.test", IP4, "u", SPF_PASS, NULL},
    {"5.3", "a.test", IP6, "u", SPF_PASS, NULL},
    {"5.3", "a.test", "192.0.2.2", "u", SPF_FAIL, NULL},
    {"5.3", "alen.test", IP4, "u", SPF_PASS, NULL},
    {"5.3", "alen.test", "192.0.3.1", "u", SPF_FAIL, NULL},
    {"5.3", "alen.test", "2001:db8::7", "u", SPF_PASS, NULL},
    {"5.3", "alen.test", "2001:db8:0:1::7", "u", SPF_FAIL, NULL},
    {"5.3", "alen6.test", IP4, "u", SPF_FAIL, NULL},
    {"5.3", "alen6.test", "2001:db8::7", "u", SPF_PASS, NULL},
    {"5.3", "aname.test", IP4, "u", SPF_PASS, NULL},
    {"5.3", "afail.test", IP4, "u", SPF_TEMPERROR, NULL},
    {"5.3", "agone.test", IP4, "u", SPF_FAIL, NULL},
    {"5.4", "mx.test", IP4, "u", SPF_PASS, NULL},
    {"5.4", "mx.test", IP6, "u", SPF_PASS, NULL},
    {"5.4", "mx.test", "192.0.2.2", "u", SPF_FAIL, NULL},
    {"5.4", "mxnone.test", IP4, "u", SPF_FAIL, NULL},
    {"5.4", "mxnull.test", IP4, "u", SPF_FAIL, NULL},
    {"5.4", "mxfail.test", IP4, "u", SPF_TEMPERROR, NULL},
    {"5.5", "ptr.test", IP4, "u", SPF_PASS, NULL},
    {"5.5", "ptr.test", "192.0.2.2", "u", SPF_FAIL, NULL},
    {"5.5", "ptr.test", "192.0.2.3", "u", SPF_FAIL, NULL},
    {"5.5", "ptrother.test", IP4, "u", SPF_FAIL, NULL},
    {"5.6", "net.test", "192.0.2.127", "u", SPF_PASS, NULL},
    {"5.6", "net.test", "192.0.2.128", "u", SPF_FAIL, NULL},
    {"5.6", "net.test", IP6, "u", SPF_FAIL, NULL},
    {"5.6", "net6.test", "2001:db8:7fff::1", "u", SPF_PASS, NULL},
    {"5.6", "net6.test", "2001:db8:8000::1", "u", SPF_FAIL, NULL},
    {"5.6", "net6.test", IP4, "u", SPF_FAIL, NULL},
    {"5.6", "zero.test", IP4, "u", SPF_PASS, NULL},
    {"5.6", "zero6.test", IP6, "u", SPF_PASS, NULL},
    {"5.6", "zero6.test", IP4, "u", SPF_FAIL, NULL},
    {"5.7", "exists.test", IP4, "strong-bad", SPF_PASS, NULL},
    {"5.7", "exists.test", IP6, "strong-bad", SPF_PASS, NULL},
    {"5.7", "exists.test", IP4, "weak", SPF_FAIL, NULL},
    {"5.7", "existsfail.test", IP4, "u", SPF_TEMPERROR, NULL},
    {"5.7", "existsodd.test", IP4, "a+b=c", SPF_PASS, NULL},
    {"6", "redtwice.test", IP4, "u", SPF_PERMERROR, NULL},
    {"6", "expmod.test", IP4, "u", SPF_PERMERROR, NULL},
    {"6", "mod.test", IP4, "u", SPF_FAIL, NULL},
    {"6", "modbad.test", IP4, "u", SPF_PERMERROR, NULL},
    {"6.1", "red.test", IP4, "u", SPF_PASS, NULL},
    {"6.1", "redfirst.test", IP4, "u", SPF_PASS, NULL},
    {"6.1", "redfirst.test", "192.0.2.2", "u", SPF_FAIL, NULL},
    {"6.1", "rednone.test", IP4, "u", SPF_PERMERROR, NULL},
    {"6.1", "redgone.test", IP4, "u", SPF_PERMERROR, NULL},
    {"6.1", "redmacro.test", IP4, "all", SPF_FAIL, NULL},
    {"6.1", "redmacro.test", IP4, "a..b", SPF_PERMERROR, NULL},
    {"6.2", "exp.test", IP4, "u", SPF_FAIL,
	"192.0.2.1 is not one of exp.test's hosts (u, 192.0.2.1, mx.here.test, 1234567%)"},
    {"6.2", "expred.test", IP4, "u", SPF_FAIL,
	"192.0.2.1 is not one of exp.test's hosts (u, 192.0.2.1, mx.here.test, 1234567%)"},
    {"6.2", "expinc.test", IP4, "u", SPF_FAIL, ""},
    {"6.2", "expgone.test", IP4, "u", SPF_FAIL, ""},
    {"6.2", "expfail.test", IP4, "u", SPF_FAIL, ""},
    {"6.2", "exptwo.test", IP4, "u", SPF_FAIL, ""},
    {"6.2", "expbad.test", IP4, "u", SPF_FAIL, ""},
    {"6.2", "exp8.test", IP4, "u", SPF_FAIL, ""},
    {"6.2", "expsplit.test", IP4, "u", SPF_FAIL, "one two"},
    {"6.2", "expsoft.test", IP4, "u", SPF_SOFTFAIL, ""},
    {"7.3", "pmacro.test", IP4, "u", SPF_PASS, NULL},
    {"7.3", "pmacro.test", "192.0.2.99", "u", SPF_PASS, NULL},
    {"7.3", "helo.test", IP4, "u", SPF_PASS, NULL},
    {"7.3", "long.test", IP4, "u2345678901234567890123456789012345678901234567890123456789012",
	SPF_FAIL, NULL},
    {"7.3", "long.test", IP4, "u234567890123456789012345678901234567890123456789012345678901234",
	SPF_FAIL, NULL},
};

static enum spf_progress run(
    const struct vector *v, struct server *s, struct spf_verdict *out, struct spf_question *q)
{
	char sender[256];
	struct spf_facts f = {.helo = STR("client.test"),
	    .receiver = STR("mx.here.test"),
	    .now = 1234567,
	    .domain = str_of(v->domain)};
	snprintf(sender, sizeof sender, "%s@%s", v->local, v->domain);
	f.sender = str_of(sender);
	assert_true(dns_literal(str_of(v->ip), &f.ip));
	s->asked = 0;
	return spf_evaluate(s->arena, &f, look, s, out, q);
}

static void test_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		const struct vector *v = &vectors[i];
		struct server s = {.arena = arena_new(1 << 22), .allow = 1000};
		struct spf_verdict got;
		struct spf_question q;
		assert_non_null(s.arena);
		if (run(v, &s, &got, &q) != SPF_DONE)
			fail_msg("%s %s: asks '%s'", v->section, v->domain, q.name);
		if (got.result != v->result)
			fail_msg("%s %s from %s: %s (%s), not %s", v->section, v->domain, v->ip,
			    spf_result_name(got.result), got.problem ? got.problem : "",
			    spf_result_name(v->result));
		if (v->explanation && !str_is(got.explanation, v->explanation))
			fail_msg("%s %s: '%.*s'", v->section, v->domain, STR_FMT(got.explanation));
		bool error = got.result == SPF_TEMPERROR || got.result == SPF_PERMERROR;
		if (error != (got.problem != NULL))
			fail_msg("%s %s: what is wrong", v->section, v->domain);
		arena_free(s.arena);
	}
}

/* However far the answers reach, the evaluation asks for the next one and comes to the same end. */
static void test_resumed(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		struct server s = {.arena = arena_new(1 << 24)};
		struct spf_verdict got;
		struct spf_question q;
		unsigned allow = 0;
		assert_non_null(s.arena);
		for (;; allow++) {
			memset(&q, 0, sizeof q);
			s.allow = allow;
			if (run(&vectors[i], &s, &got, &q) == SPF_DONE)
				break;
			assert_true(q.name[0] && q.type);
			assert_true(allow < SPF_QUESTIONS_MAX);
		}
		if (got.result != vectors[i].result)
			fail_msg("%s after %u steps", vectors[i].domain, allow);
		arena_free(s.arena);
	}
}

/* ---- records --------------------------------------------------------------------------------- */

static void test_records(void **state)
{
	static const struct {
		const char *terms;
		bool good;
	} cases[] = {{"", true}, {"all", true}, {"-all ~all ?all +all", true},
	    {"all:x.test", false}, {"all/24", false}, {"-", false}, {"a", true}, {"A:x.test", true},
	    {"a/24", true}, {"a//64", true}, {"a/24//64", true}, {"a:x.test/24//64", true},
	    {"a/33", false}, {"a/024", false}, {"a//129", false}, {"a/", false}, {"a//", false},
	    {"a/24/64", false}, {"a/0//0", true}, {"a:", false}, {"a:x", false},
	    {"a:x.test.", true}, {"a:x.123", false}, {"a:x.-t", false}, {"a:x.t-", false},
	    {"a:x.1t", true}, {"a:%{d}", true}, {"a:x.%{d}x", false}, {"a:%{d}.test", true},
	    {"a:%%.test", true}, {"a:x%_", true}, {"a:x%-y.test", true}, {"a:x%y.test", false},
	    {"a:%{x}.test", false}, {"a:%{c}.test", false}, {"a:%{t}.test", false},
	    {"a:%{r}.test", false}, {"a:%{d0}.test", false}, {"a:%{d12r-+}.test", true},
	    {"a:%{dr2}.test", false}, {"a:%{d!}.test", false}, {"a:%{d.test", false},
	    {"a:%", false}, {"a:%{}.test", false}, {"a:%{D2R.}.test", true},
	    {"a:%{d99999999999999999999}.test", true}, {"mx", true}, {"mx:x.test/8", true},
	    {"ptr", true}, {"ptr:x.test", true}, {"ptr/24", false}, {"ip4:1.2.3.4", true},
	    {"ip4:1.2.3.4/32", true}, {"ip4:1.2.3.4/33", false}, {"ip4:1.2.3", false},
	    {"ip4:1.2.3.4/08", false}, {"ip4:1.2.3.4//32", false}, {"ip4", false}, {"ip4:", false},
	    {"ip4:::1", false}, {"ip4:01.2.3.4", false}, {"ip6:::1", true},
	    {"ip6:2001:db8::/32", true}, {"ip6:::1/129", false}, {"ip6:1.2.3.4", false},
	    {"ip6:::ffff:1.2.3.4", true}, {"include:x.test", true}, {"include", false},
	    {"include:x.test/24", false}, {"exists:x.test", true}, {"exists", false},
	    {"moo", false}, {"moo:x.test", false}, {"redirect=x.test", true}, {"redirect=", false},
	    {"redirect:x.test", false}, {"-redirect=x.test", false}, {"REDIRECT=x.test", true},
	    {"exp=x.test", true}, {"exp=", false}, {"exp=%{c}.test", false}, {"x=", true},
	    {"x=%{d}", true}, {"x=%", false}, {"a.b-c_d=x", true}, {"1x=y", false}, {"=y", false},
	    {"a\tb", false}, {"a \xc3\xa9", false}, {"a:x.t\x7f", false}, {"x=\xc3\xa9", false}};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char text[200];
		struct spf_record r;
		snprintf(text, sizeof text, "v=spf1 %s", cases[i].terms);
		const char *wrong = spf_record_parse(str_of(text), &r);
		if ((wrong == NULL) != cases[i].good)
			fail_msg("'%s': %s", text, wrong ? wrong : "accepted");
		if (!wrong)
			spf_record_free(&r);
	}
}

static void test_record_limits(void **state)
{
	struct buf b;
	struct spf_record r;
	(void)state;
	buf_init(&b, 100000);
	buf_addz(&b, "v=spf1");
	for (int i = 0; i <= SPF_RECORD_TERMS_MAX; i++)
		buf_addz(&b, " all");
	assert_non_null(spf_record_parse(buf_str(&b), &r));
	while (b.n <= SPF_RECORD_MAX)
		buf_addc(&b, ' ');
	assert_non_null(spf_record_parse(buf_str(&b), &r));
	buf_free(&b);
}

/* ---- macros ---------------------------------------------------------------------------------- */

static int value_of(void *ctx, char letter, struct str *value)
{
	(void)ctx;
	switch (letter) {
	case 's':
		*value = STR("strong-bad@email.example.com");
		break;
	case 'l':
		*value = STR("strong-bad");
		break;
	case 'i':
		*value = STR("192.0.2.3");
		break;
	case 'p':
		return -1;
	default:
		*value = STR("email.example.com");
	}
	return 0;
}

static void test_macros(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {{"%{s}", "strong-bad@email.example.com"}, {"%{d4}", "email.example.com"},
	    {"%{d3}", "email.example.com"}, {"%{d2}", "example.com"}, {"%{d1}", "com"},
	    {"%{dr}", "com.example.email"}, {"%{d2r}", "example.email"}, {"%{l-}", "strong.bad"},
	    {"%{lr-}", "bad.strong"}, {"%{l1r-}", "strong"}, {"%{ir}", "3.2.0.192"},
	    {"%{S}", "strong-bad%40email.example.com"}, {"%{L}", "strong-bad"}, {"%%%_%-", "% %20"},
	    {"a%{l1-}b", "abadb"}, {"%{s-@}", "strong.bad@email.example.com"}, {"", ""}};
	struct spf_macros m = {.get = value_of, .explaining = true};
	struct buf b;
	(void)state;
	buf_init(&b, 100);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		buf_clear(&b);
		bool valid = spf_macro_valid(str_of(cases[i].in), true);
		if (strchr(cases[i].in, '@')) { /* '@' is no delimiter */
			assert_false(valid);
			continue;
		}
		if (!valid || spf_macro_expand(str_of(cases[i].in), &m, &b) != 1 ||
		    !str_is(buf_str(&b), cases[i].out))
			fail_msg("%s: %s", cases[i].in, b.p);
	}
	assert_int_equal(spf_macro_expand(STR("x%{p}"), &m, &b), -1);
	buf_clear(&b);
	assert_int_equal(spf_macro_expand(STR("%{s}%{s}%{s}%{s}"), &m, &b), 0);
	buf_free(&b);
}

static void test_escaped_names(void **state)
{
	char out[DNS_ESCAPED_SIZE];
	char label[70];
	(void)state;
	assert_true(dns_name_escaped(STR("A+b.x_y.Test."), out));
	assert_string_equal(out, "a\\043b.x_y.test");
	assert_true(dns_name_escaped(STR("\xff\\.t"), out));
	assert_string_equal(out, "\\255\\092.t");
	assert_false(dns_name_escaped(STR(""), out));
	assert_false(dns_name_escaped(STR("a..b"), out));
	assert_false(dns_name_escaped(STR(".a"), out));
	memset(label, 'x', sizeof label);
	assert_true(dns_name_escaped(str_at(label, 63), out));
	assert_false(dns_name_escaped(str_at(label, 64), out));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_records),
	    cmocka_unit_test(test_record_limits),
	    cmocka_unit_test(test_macros),
	    cmocka_unit_test(test_escaped_names),
	    cmocka_unit_test(test_vectors),
	    cmocka_unit_test(test_resumed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
