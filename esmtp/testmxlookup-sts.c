/* The part of testmxlookup that knows MTA-STS. */
#include "config.h"
#include "esmtp/testmxlookup.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "dns/rdata.h"
#include "stsd/sts-settings.h"

/* ---- options --------------------------------------------------------------------------------- */

static bool set_size(struct sts_run *r, struct str value)
{
	uint64_t n;
	r->task = STS_TASK_ENABLE;
	if (!str_u64(value, &n) || n < 1 || n > STS_CACHE_LARGEST)
		return false;
	r->size = (int64_t)n;
	return true;
}

int sts_option(const char *arg, struct sts_run *r)
{
	static const struct {
		const char *word;
		enum sts_task task;
	} plain[] = {{"--sts", STS_TASK_SHOW}, {"--sts-purge", STS_TASK_PURGE},
	    {"--sts-expire", STS_TASK_EXPIRE}, {"--sts-cache-disable", STS_TASK_DISABLE},
	    {"--sts-cache-enable", STS_TASK_ENABLE}};
	static const struct str override = STR_INIT("--sts-override="),
				enable = STR_INIT("--sts-cache-enable=");
	struct str s = str_of(arg);
	if (r->task != STS_TASK_LOOK)
		return str_starts(s, STR("--sts")) ? -1 : 0;
	r->size = STS_CACHE_DEFAULT;
	for (size_t i = 0; i < ARRAY_LEN(plain); i++)
		if (str_is(s, plain[i].word)) {
			r->task = plain[i].task;
			return 1;
		}
	if (str_starts(s, override)) {
		r->task = STS_TASK_OVERRIDE;
		return sts_mode_parse(str_skip(s, override.n), &r->override) ? 1 : -1;
	}
	if (str_starts(s, enable))
		return set_size(r, str_skip(s, enable.n)) ? 1 : -1;
	return 0;
}

bool sts_needs_domain(const struct sts_run *r)
{
	return r->task <= STS_TASK_PURGE;
}

/* ---- cache and fetcher ----------------------------------------------------------------------- */

static int fail(const char *what, const char *subject)
{
	fprintf(stderr, "testmxlookup: cannot %s '%s': %s\n", what, subject, strerror(errno));
	return -1;
}

/* What root writes must be the keeper's to read and replace; and root has no business with the
 * answers of strangers. */
static int become_owner(int dir)
{
	struct stat st;
	if (geteuid() != 0 || dir < 0 || fstat(dir, &st) < 0 || st.st_uid == 0)
		return 0;
	if (setgroups(1, &st.st_gid) < 0 || setresgid(st.st_gid, st.st_gid, st.st_gid) < 0 ||
	    setresuid(st.st_uid, st.st_uid, st.st_uid) < 0)
		return fail("become the owner of", "sts");
	return 0;
}

static int open_cache(struct sts_run *r, const struct instance *in)
{
	char *path = instance_path(in->var, "sts");
	int status = 0;
	r->source.dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r->source.dir < 0 && r->task >= STS_TASK_OVERRIDE)
		status = fail("open the folder", path);
	free(path);
	return status;
}

static struct str trust_of(const struct config *c)
{
	return config_str(c, "sts", "TLS_TRUSTCERTS", NULL);
}

static void look_whether_off(struct sts_run *r, const struct config *c)
{
	const char *why = NULL;
	if (!trust_of(c).n)
		why = "TLS_TRUSTCERTS in 'courierd' is not set";
	else if (r->source.dir >= 0 && sts_cache_size(r->source.dir) == 0)
		why = "it is switched off (--sts-cache-enable)";
	r->off = why;
	if (why && r->task != STS_TASK_LOOK && sts_needs_domain(r))
		fprintf(stderr, "testmxlookup: no MTA-STS: %s\n", why);
}

int sts_prepare(struct sts_run *r, struct loop *l, struct dns *dns, const struct instance *in)
{
	static const struct config_component *const components[] = {&sts_component};
	struct config *c = config_load(in, components, 1, NULL);
	r->source.dns = dns;
	buf_init(&r->policy, STS_POLICY_MAX);
	if (!c)
		return -1;
	int status = open_cache(r, in);
	look_whether_off(r, c);
	if (status == 0 && !r->off && sts_needs_domain(r)) {
		r->source.fetcher = sts_settings_fetcher(c, l);
		status = r->source.fetcher ? 0 : -1;
	}
	config_drop(c);
	return status < 0 ? -1 : become_owner(r->source.dir);
}

void sts_release(struct sts_run *r)
{
	sts_fetcher_free(r->source.fetcher);
	buf_free(&r->policy);
	if (r->source.dir >= 0)
		close(r->source.dir);
}

/* ---- the tasks ------------------------------------------------------------------------------- */

int sts_administer(const struct sts_run *r)
{
	int dir = r->source.dir;
	int64_t n;
	if (r->task == STS_TASK_EXPIRE) {
		int64_t size = sts_cache_size(dir);
		n = sts_cache_expire(dir, size, true);
		return n < 0 ? -fail("clear up", "sts") : 0;
	}
	n = r->task == STS_TASK_DISABLE ? 0 : r->size;
	return sts_cache_set_size(dir, n) < 0 ? -fail("write into", "sts") : 0;
}

struct look {
	struct sts_run *r;
	void (*done)(void *ctx);
	void *ctx;
};

static void found(void *ctx, const struct sts_answer *a)
{
	struct look *k = ctx;
	k->r->found = a->found;
	k->r->mode = a->mode;
	buf_adds(&k->r->policy, a->text);
	k->done(k->ctx);
	free(k);
}

void sts_look(struct sts_run *r, const char *domain, void (*done)(void *ctx), void *ctx)
{
	struct str name = str_of(domain);
	if (r->off || domain[0] == '[' || !dns_name_ascii(name, r->domain) ||
	    !sts_domain_ok(str_of(r->domain))) {
		r->domain[0] = 0;
		done(ctx);
		return;
	}
	struct look *k = mem_new(struct look);
	*k = (struct look){r, done, ctx};
	if (r->task == STS_TASK_PURGE && sts_cache_remove(r->source.dir, str_of(r->domain)) < 0 &&
	    errno != ENOENT)
		fail("remove the policy of", domain);
	sts_discover(&r->source, str_of(r->domain), false, found, k);
}

static int override(const struct sts_run *r, const char *domain)
{
	struct sts_cached c;
	sts_cached_init(&c);
	int status = sts_cache_read(r->source.dir, str_of(r->domain), &c);
	if (status > 0) {
		c.entry.overridden = true;
		c.entry.override = r->override;
		status = sts_cache_write(r->source.dir, str_of(r->domain), &c.entry);
	} else {
		errno = status < 0 ? errno : ENOENT;
		status = -1;
	}
	if (status < 0)
		fail("override the policy of", domain);
	sts_cached_free(&c);
	return status < 0;
}

int sts_tell(const struct sts_run *r, const char *domain)
{
	if (!r->found) {
		if (!r->off)
			fprintf(stderr, "testmxlookup: '%s' has no MTA-STS policy\n", domain);
		return 1;
	}
	if (r->task == STS_TASK_OVERRIDE)
		return override(r, domain);
	if (r->task == STS_TASK_SHOW)
		fwrite(r->policy.p, 1, r->policy.n, stdout);
	return 0;
}
