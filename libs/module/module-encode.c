#include "config.h"

#include "module/module-lines.h"
#include "module/module-proto.h"

void module_line(struct buf *out, const char *name, struct str value)
{
	if (!value.n)
		return;
	buf_addz(out, name);
	buf_addc(out, '\t');
	field_encode(value, out);
	buf_addc(out, '\n');
}

static void number(struct buf *out, const char *name, int64_t n)
{
	buf_addf(out, "%s\t%lld\n", name, (long long)n);
}

static void flag(struct buf *out, const char *name, bool on)
{
	if (on)
		buf_addf(out, "%s\t1\n", name);
}

static void rcpt(struct buf *out, const struct module_rcpt *r)
{
	buf_addf(out, "rcpt\t%u\t", (unsigned)r->num);
	field_encode(r->address, out);
	buf_addc(out, '\t');
	field_encode(r->orcpt, out);
	buf_addf(out, "\t%u", (unsigned)r->notify);
	if (r->place.n) {
		buf_addc(out, '\t');
		field_encode(r->place, out);
		buf_addf(out, "\t%d", r->doubt);
	}
	buf_addc(out, '\n');
}

bool module_encode_delivery(
    const struct module_delivery *d, int64_t inline_size, uint64_t offset, struct buf *out)
{
	number(out, "delivery", (int64_t)d->delid);
	module_line(out, "id", d->id);
	module_line(out, "sender", d->sender);
	module_line(out, "host", d->host);
	module_line(out, "envid", d->envid);
	if (d->ret)
		module_line(out, "ret", str_at(&d->ret, 1));
	flag(out, "body8", d->body8);
	flag(out, "headers8", d->headers8);
	flag(out, "smtputf8", d->smtputf8);
	flag(out, "verp", d->verp);
	flag(out, "durable-elsewhere", d->durable_elsewhere);
	flag(out, "requiretls", d->requiretls);
	flag(out, "tls-optional", d->tls_optional);
	if (d->by_mode) {
		number(out, "by", d->by);
		module_line(out, "by-mode", str_at(&d->by_mode, 1));
		flag(out, "by-trace", d->by_trace);
	}
	if (d->release)
		number(out, "release", d->release);
	module_line(out, "vhost", d->vhost);
	module_line(out, "login", d->login);
	module_line(out, "source", d->source);
	module_line(out, "security", d->security);
	number(out, "arrived", d->arrived);
	number(out, "expires", d->expires);
	number(out, "size", (int64_t)d->size);
	module_line(out, "extra", str_at(d->extra, d->extra_n));
	for (size_t i = 0; i < d->n_rcpts; i++)
		rcpt(out, &d->rcpts[i]);
	if (inline_size >= 0)
		number(out, "inline", inline_size);
	else
		number(out, "offset", (int64_t)offset);
	return buf_addc(out, '\n') && !out->failed;
}

static const char *const outcomes[] = {"delivered", "relayed", "deferred", "failed"};

bool module_encode_result(
    uint64_t delid, uint32_t num, const struct module_result *r, bool done, struct buf *out)
{
	number(out, "delivery", (int64_t)delid);
	number(out, "rcpt", num);
	module_line(out, "outcome", str_of(outcomes[r->outcome]));
	if (r->code)
		number(out, "code", r->code);
	module_line(out, "status", r->status);
	module_line(out, "diagnostic", r->diagnostic);
	module_line(out, "remote", r->remote);
	module_line(out, "command", r->command);
	flag(out, "peer-dsn", r->peer_dsn);
	flag(out, "connection", r->connection);
	flag(out, "untracked", r->untracked);
	flag(out, "no-reports", r->no_reports);
	module_line(out, "place", r->place);
	flag(out, "done", done);
	return !out->failed;
}

bool module_encode_done(uint64_t delid, struct buf *out)
{
	number(out, "delivery", (int64_t)delid);
	return !out->failed;
}

bool module_encode_synced(
    const struct module_owed *v, size_t n, enum module_sync how, struct buf *out)
{
	static const char *const words[] = {"synced", "unsure", "failed"};
	for (size_t i = 0; i < n; i++)
		buf_addf(out, "%s\t%s\t%u\n", words[how], v[i].id, (unsigned)v[i].num);
	return !out->failed;
}
