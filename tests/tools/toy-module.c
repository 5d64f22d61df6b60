/*
 * A transport as an administrator might write it: it knows the public headers of libs/module and
 * nothing else of the suite.  tests/integration/module-toy.t installs it by a module file alone.
 *
 * It puts mail into the folder TOYBOX of its module file, one file a recipient; recipients called
 * defer, fail, die and forget get what they ask for.  As a module that is asked it answers by what
 * the local part begins with.
 */
#include "config.h"

#include "module/module.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const struct config_setting rows[] = {
    {.name = "TOYBOX", .type = CONFIG_STRING, .help = "folder for mail"},
};
static const struct config_component toy = {.name = "toy",
    .file = "module.toy",
    .settings = rows,
    .n = ARRAY_LEN(rows),
    .foreign_ok = true};

static int keep(struct service *s, const struct module_delivery *d, const struct module_rcpt *r,
    struct module_body *b)
{
	char chunk[4096];
	uint64_t at = 0;
	ssize_t n;
	const char *box = config_z(service_config(s), "toy", "TOYBOX", NULL);
	char *name = mem_printf("%s/%.*s.%u", box, STR_FMT(d->id), (unsigned)r->num);
	FILE *f = fopen(name, "w");
	free(name);
	if (!f)
		return -1;
	fprintf(f, "sender %.*s\nhost %.*s\nto %.*s\n\n", STR_FMT(d->sender), STR_FMT(d->host),
	    STR_FMT(r->address));
	while ((n = module_body_read(b, chunk, sizeof chunk, at)) > 0) {
		fwrite(chunk, 1, (size_t)n, f);
		at += (uint64_t)n;
	}
	bool good = fflush(f) == 0 && fsync(fileno(f)) == 0;
	return fclose(f) == 0 && good && n == 0 ? 0 : -1;
}

/* false: no result for this one */
static bool judge(struct service *s, const struct module_delivery *d, const struct module_rcpt *r,
    struct module_body *b, struct module_result *out)
{
	*out = (struct module_result){.outcome = MODULE_DELIVERED};
	if (str_starts(r->address, STR("die")))
		kill(getpid(), SIGKILL);
	if (str_starts(r->address, STR("forget")))
		return false;
	if (str_starts(r->address, STR("fail")))
		*out = (struct module_result){.outcome = MODULE_FAILED,
		    .status = STR("5.1.1"),
		    .diagnostic = STR("the toy does not want it")};
	else if (str_starts(r->address, STR("defer")))
		*out = (struct module_result){.outcome = MODULE_DEFERRED,
		    .status = STR("4.2.1"),
		    .diagnostic = STR("the toy is tired")};
	else if (keep(s, d, r, b) < 0)
		*out = (struct module_result){
		    .outcome = MODULE_DEFERRED, .diagnostic = STR("the box is shut")};
	return true;
}

static void deliver(
    struct service *s, struct module_delivery *d, struct module_body *b, void *handle)
{
	struct module_result r;
	for (size_t i = 0; i < d->n_rcpts; i++)
		if (judge(s, d, &d->rcpts[i], b, &r))
			module_result(handle, d->rcpts[i].num, &r);
	module_done(handle);
}

static void claim(
    struct service *s UNUSED, struct arena *a, const struct claim_ask *q, struct claim_answer *out)
{
	*out = (struct claim_answer){.claim = CLAIM_YES,
	    .host = STR("asked"),
	    .to = str_of(arena_printf(a, "%.*s/%.*s", STR_FMT(q->local), STR_FMT(q->source)))};
	if (str_starts(q->local, STR("no")))
		out->claim = CLAIM_NO;
	else if (str_starts(q->local, STR("open")))
		out->claim = CLAIM_OPEN;
	else if (str_starts(q->local, STR("hang")))
		sleep(CLAIM_WAIT_MS / 1000 + 2);
	else if (str_starts(q->local, STR("refuse")))
		*out = (struct claim_answer){.claim = CLAIM_REFUSE,
		    .code = 554,
		    .status = STR("5.7.1"),
		    .diagnostic = STR("not in this toy shop")};
	else if (str_starts(q->local, STR("wait")))
		*out = (struct claim_answer){.claim = CLAIM_DEFER, .diagnostic = STR("counting")};
}

int main(int argc, char **argv)
{
	static const struct config_component *const components[] = {&toy};
	static const struct module_desc desc = {
	    .name = "toy",
	    .service = {.components = components, .n_components = 1},
	    .deliver = deliver,
	    .claim = claim,
	};
	return module_main(&desc, argc, argv);
}
