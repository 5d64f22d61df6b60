/* Module files and their claims: which words there are, and who has an address. */
#include "config.h"

#include "module/module-claim.h"
#include "submit/claims.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static void file_names(void **state)
{
	(void)state;
	static const char *const good[] = {"module.local", "module.x", "module.toy-2"};
	static const char *const bad[] = {"module.", "module.x.dist", "module.x~", "modulex",
	    "module", "module.a-name-that-is-longer-than-any-name-may-be"};
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_true(str_is(module_file_name(str_of(good[i])), good[i] + 7));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_null(module_file_name(str_of(bad[i])).p);
}

static void words(void **state)
{
	(void)state;
	struct module_claim c;
	static const char *const bad[] = {"", "@", "locals", "toy.test", "@a*b", "@*",
	    "list:", "list:a/b", "list:../x", "list:.x", "@a\tb"};
	assert_true(module_claim_parse(STR("local"), &c) && c.kind == CLAIM_LOCAL);
	assert_true(module_claim_parse(STR("remote"), &c) && c.kind == CLAIM_REMOTE);
	assert_true(module_claim_parse(STR("bang"), &c) && c.kind == CLAIM_BANG);
	assert_true(module_claim_parse(STR("@toy.test"), &c) && c.kind == CLAIM_DOMAIN);
	assert_true(module_claim_parse(STR("@fax-*"), &c) && str_is(c.text, "fax-*"));
	assert_true(module_claim_parse(STR("list:doms"), &c) && c.kind == CLAIM_LIST);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (module_claim_parse(str_of(bad[i]), &c))
			fail_msg("%s", bad[i]);
}

static void patterns(void **state)
{
	(void)state;
	static const struct {
		const char *pattern, *domain;
		bool in;
	} cases[] = {{"toy.test", "toy.test", true}, {"toy.test", "TOY.test", true},
	    {"toy.test", "a.toy.test", false}, {".toy.test", "a.toy.test", true},
	    {".toy.test", "toy.test", false}, {".toy.test", ".toy.test", false},
	    {"fax-*", "fax-cover", true}, {"fax-*", "fax-", true}, {"fax-*", "fax", false}};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (claim_domain_match(str_of(cases[i].pattern), str_of(cases[i].domain)) !=
		    cases[i].in)
			fail_msg("%s %s", cases[i].pattern, cases[i].domain);
}

static void put(const char *dir, const char *name, const char *text)
{
	char *path = mem_printf("%s/%s", dir, name);
	assert_int_equal(file_replace(-1, path, text, strlen(text), 0644), 0);
	free(path);
}

static struct domains *one_list(const struct instance *in, const char *file, struct str me)
{
	(void)in;
	return strcmp(file, "toys") == 0
		   ? domains_new(STR("listed.test\nmoved.test there.test\n"), me)
		   : NULL;
}

static const char *who(const struct claims *c, const struct names *n, enum address_kind kind,
    const char *local, const char *domain, size_t *at)
{
	static char text[80];
	struct address a = {.kind = kind, .local = str_of(local), .domain = str_of(domain)};
	struct str host;
	bool failed;
	const struct claim *k = claims_next(c, n, &a, at, &host, &failed);
	assert_false(failed);
	snprintf(text, sizeof text, "%s %.*s%s", k ? k->module : "-", k ? (int)host.n : 0,
	    host.p ? host.p : "", k && k->ask ? " ?" : "");
	return text;
}

#define WHO(kind, local, domain) (at = 0, who(c, &n, kind, local, domain, &at))

static void order(void **state)
{
	(void)state;
	char dir[] = "/tmp/claims-XXXXXX";
	assert_non_null(mkdtemp(dir));
	struct instance in = {.etc = dir};
	struct names n = {.me = STR("mx.example.org"), .defaultdomain = STR("example.org")};
	size_t at;
	put(dir, "module.local", "NAME=local\nPRIORITY=10\nPROG=courierlocal\n");
	put(dir, "module.esmtp", "PROG=./courieresmtp\n");
	put(dir, "module.uucp", "NAME=uucp\nPROG=./courieruucp\n");
	put(dir, "module.fax", "PRIORITY=45\nPROG=courierfax\n");
	put(dir, "module.in", "PRIORITY=1\nCLAIM='local remote'\n");
	put(dir, "module.toy",
	    "PROG=/toy\nPRIORITY=20\nCLAIM='@Toy.test list:toys'\nUSER=daemon\n");
	struct claims *c = claims_load(&in, STR("mx.example.org"), one_list);
	assert_non_null(c);
	assert_string_equal(WHO(ADDRESS_LOCAL, "bob", "example.org"), "local example.org");
	assert_string_equal(WHO(ADDRESS_LOCAL, "apple!bob", "example.org"), "uucp example.org ?");
	assert_string_equal(who(c, &n, ADDRESS_LOCAL, "apple!bob", "example.org", &at),
	    "local example.org"); /* if uucp does not want it */
	assert_string_equal(WHO(ADDRESS_REMOTE, "apple!bob", "far.test"), "esmtp far.test");
	assert_string_equal(WHO(ADDRESS_REMOTE, "apple!bob", "example.org"), "uucp example.org ?");
	assert_string_equal(WHO(ADDRESS_REMOTE, "x", "toy.test"), "toy toy.test");
	assert_string_equal(WHO(ADDRESS_REMOTE, "x", "moved.test"), "toy there.test");
	assert_string_equal(WHO(ADDRESS_REMOTE, "1", "fax"), "fax fax ?");
	assert_string_equal(
	    WHO(ADDRESS_REMOTE, "1", "fax-lowres-ignore"), "fax fax-lowres-ignore ?");
	assert_string_equal(WHO(ADDRESS_REMOTE, "1", "fax.example.org"), "esmtp fax.example.org");
	assert_string_equal(c->files.v[0].name, "in");
	assert_null(c->files.v[0].prog);
	assert_string_equal(c->files.v[1].name, "uucp");
	assert_string_equal(c->files.v[1].prog, LIBEXECDIR "/courieruucp");
	assert_string_equal(c->files.v[3].user, "daemon");
	/* what a file does not say is the module's own default */
	assert_int_equal(c->files.v[2].maxdels, 10);
	assert_int_equal(c->files.v[2].maxrcpt, 1);
	assert_int_equal(c->files.v[5].maxdels, 40);
	assert_int_equal(c->files.v[5].maxrcpt, 100);
	assert_int_equal(c->files.v[3].maxdels, 4);
	claims_free(c);
	put(dir, "module.bad", "CLAIM='everything'\n");
	assert_null(claims_load(&in, STR("x"), one_list));
	put(dir, "module.bad", "PROG=x\nCLAIM='list:unknown'\n");
	assert_null(claims_load(&in, STR("x"), one_list));
	put(dir, "module.bad", "USER=root\n");
	assert_null(claims_load(&in, STR("x"), one_list));
	static const char *const names[] = {"local", "esmtp", "uucp", "fax", "toy", "in", "bad"};
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char *path = mem_printf("%s/module.%s", dir, names[i]);
		unlink(path);
		free(path);
	}
	rmdir(dir);
}

static void questions(void **state)
{
	(void)state;
	struct claim_ask in = {.address = STR("a\tb@x"),
			     .local = STR("a\tb"),
			     .domain = STR("x"),
			     .env = STR("A=1\nB=2\n"),
			     .own = true,
			     .accepted = true},
			 out;
	struct claim_answer w = {.claim = CLAIM_REFUSE, .code = 554, .diagnostic = STR("no\nway")},
			    v;
	struct arena *a = arena_new(65536);
	struct buf b;
	buf_init(&b, 4096);
	assert_true(claim_encode_ask(&in, &b));
	assert_int_equal(claim_decode_ask(buf_str(&b), a, &out), 0);
	assert_true(str_eq(out.address, in.address) && str_eq(out.env, in.env) && out.own &&
		    out.accepted && !out.relay && !out.queued);
	buf_clear(&b);
	assert_true(claim_encode_answer(&w, &b));
	assert_int_equal(claim_decode_answer(buf_str(&b), a, &v), 0);
	assert_true(v.claim == CLAIM_REFUSE && v.code == 554 && str_eq(v.diagnostic, w.diagnostic));
	static const char *const bad[] = {"", "host\tx\n", "claim\tmaybe\n",
	    "claim\tyes\ncode\t250\n", "claim\tyes", "claim\tyes\nto\t\\x\n"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(claim_decode_answer(str_of(bad[i]), a, &v), -1);
	assert_int_equal(claim_decode_ask(STR("local\tx\n"), a, &out), -1);
	assert_int_equal(claim_decode_answer(STR("claim\tno\nnews\tx\n"), a, &v), 0);
	buf_free(&b);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(file_names), cmocka_unit_test(words),
	    cmocka_unit_test(patterns), cmocka_unit_test(order), cmocka_unit_test(questions)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
