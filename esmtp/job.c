#include <stdio.h>
#include <stdlib.h>
#include "esmtp/esmtp.h"

static struct str local_part(struct str address)
{
	ptrdiff_t at = str_rchr(address, '@');
	return at < 0 ? address : str_head(address, (size_t)at);
}

/* Domains can be written in A-labels; local parts and headers can't do without SMTPUTF8. */
static bool needs_utf8(const struct module_delivery *d)
{
	if (str_has_8bit(local_part(d->sender)))
		return true;
	for (size_t i = 0; i < d->n_rcpts; i++)
		if (str_has_8bit(local_part(d->rcpts[i].address)))
			return true;
	return d->smtputf8 && d->headers8;
}

struct job *job_new(struct esmtp *e, struct module_delivery *d, struct module_body *b, void *handle)
{
	struct job *j = mem_new(struct job);
	j->e = e;
	j->d = d;
	j->body = b;
	j->handle = handle;
	j->n = j->left = d->n_rcpts;
	j->rcpts = mem_zero(j->n * sizeof *j->rcpts + 1);
	for (size_t i = 0; i < j->n; i++)
		j->rcpts[i].rcpt = &d->rcpts[i];
	j->utf8 = needs_utf8(d);
	e->jobs++;
	return j;
}

/* Our own words: about whose server, unless they say so. */
static struct str whose(const struct module_result *r, struct str line)
{
	bool named = r->code || !r->remote.n || str_find(line, r->remote) >= 0;
	return named ? STR_NONE : r->remote;
}

static void log_result(const struct job *j, struct str addr, const struct module_result *r)
{
	char id[64];
	struct str whole = str_head(j->d->id, sizeof id - 1), text = r->diagnostic, line;
	memcpy(id, whole.p, whole.n);
	id[whole.n] = 0;
	struct log_ctx ctx = {"id", id};
	bool good = r->outcome == MODULE_DELIVERED || r->outcome == MODULE_RELAYED;
	while (str_split(&text, '\n', &line)) {
		char code[8] = "";
		if (r->code)
			snprintf(code, sizeof code, "%03u ", r->code);
		struct str host = whose(r, line);
		log_info(&ctx, "from=<%.*s>,addr=<%.*s>: %s%.*s%s%.*s", STR_FMT(j->d->sender),
		    STR_FMT(addr), code, STR_FMT(host), host.n ? ": " : "", STR_FMT(line));
	}
	if (good)
		log_info(&ctx, "from=<%.*s>,addr=<%.*s>,success: delivered: %.*s",
		    STR_FMT(j->d->sender), STR_FMT(addr), STR_FMT(r->remote));
	log_info(&ctx, "from=<%.*s>,addr=<%.*s>,status: %s", STR_FMT(j->d->sender), STR_FMT(addr),
	    good                          ? "success"
	    : r->outcome == MODULE_FAILED ? "failure"
					  : "deferred");
}

void job_result(struct job *j, size_t i, const struct module_result *r)
{
	struct job_rcpt *rc = &j->rcpts[i];
	if (rc->done)
		return;
	rc->done = true;
	j->left--;
	log_result(j, rc->rcpt->address, r);
	module_result(j->handle, rc->rcpt->num, r);
}

void job_result_rest(struct job *j, const struct module_result *r)
{
	for (size_t i = 0; i < j->n; i++)
		job_result(j, i, r);
}

void job_free(struct job *j)
{
	j->e->jobs--;
	module_done(j->handle);
	free(j->rcpts);
	free(j);
}
