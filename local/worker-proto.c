#include "config.h"

#include "local/worker-proto.h"

void worker_put_rules(struct ipc *c, const struct worker_rules *r)
{
	ipc_put_str(c, r->dot);
	ipc_put_u8(c, r->lower);
	ipc_put_str(c, r->seps);
}

bool worker_get_rules(struct ipc_reader *r, struct worker_rules *out)
{
	out->dot = ipc_get_str(r);
	out->lower = ipc_get_u8(r) != 0;
	out->seps = ipc_get_str(r);
	return !r->bad && out->dot.n && out->dot.n < 64 && !memchr(out->dot.p, '/', out->dot.n) &&
	       !str_has_ctl(out->dot);
}

int worker_send_delivery(struct ipc *c, uint32_t id, const struct worker_delivery *d, int fd)
{
	const struct str fields[] = {d->user, d->ext, d->home, d->maildir, d->quota, d->delivery,
	    d->address, d->sender, d->id, d->env, d->maildrop, d->warning, d->place};
	ipc_compose(c, WORKER_DELIVER, id);
	worker_put_rules(c, &d->rules);
	ipc_put_u32(c, d->flags);
	ipc_put_u64(c, d->size);
	ipc_put_u32(c, d->uid);
	ipc_put_u32(c, d->program_seconds);
	ipc_put_u64(c, d->program_memory);
	ipc_put_u8(c, d->warn_percent);
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		ipc_put_str(c, fields[i]);
	ipc_put_rest(c, d->body);
	return ipc_send(c, fd);
}

/* Names and paths become C strings and header lines: nothing in them may end either. */
bool worker_delivery_ok(const struct worker_delivery *d)
{
	const struct str fields[] = {d->user, d->ext, d->home, d->maildir, d->quota, d->address,
	    d->sender, d->id, d->maildrop, d->place};
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (fields[i].n >= WORKER_PATH_MAX || str_has_ctl(fields[i]))
			return false;
	return d->home.n && d->home.p[0] == '/' && d->address.n &&
	       d->warning.n <= WORKER_WARNING_MAX &&
	       !(d->delivery.n && memchr(d->delivery.p, 0, d->delivery.n));
}

bool worker_read_delivery(const struct ipc_msg *m, struct worker_delivery *out)
{
	struct ipc_reader r;
	ipc_read(m, &r);
	*out = (struct worker_delivery){0};
	if (!worker_get_rules(&r, &out->rules))
		return false;
	out->flags = ipc_get_u32(&r);
	out->size = ipc_get_u64(&r);
	out->uid = ipc_get_u32(&r);
	out->program_seconds = ipc_get_u32(&r);
	out->program_memory = ipc_get_u64(&r);
	out->warn_percent = ipc_get_u8(&r);
	out->user = ipc_get_str(&r);
	out->ext = ipc_get_str(&r);
	out->home = ipc_get_str(&r);
	out->maildir = ipc_get_str(&r);
	out->quota = ipc_get_str(&r);
	out->delivery = ipc_get_str(&r);
	out->address = ipc_get_str(&r);
	out->sender = ipc_get_str(&r);
	out->id = ipc_get_str(&r);
	out->env = ipc_get_str(&r);
	out->maildrop = ipc_get_str(&r);
	out->warning = ipc_get_str(&r);
	out->place = ipc_get_str(&r);
	out->body = ipc_get_rest(&r);
	if (m->fd >= 0) {
		if (out->body.n)
			return false;
		out->body = STR_NONE;
	} else if (out->body.n != out->size) {
		return false;
	}
	return ipc_done(&r) && worker_delivery_ok(out);
}

int worker_send_result(struct ipc *c, uint32_t id, const struct worker_result *r)
{
	ipc_compose(c, WORKER_RESULT, id);
	ipc_put_u8(c, (uint8_t)r->outcome);
	ipc_put_str(c, r->status);
	ipc_put_str(c, str_head(r->text, WORKER_TEXT_MAX));
	ipc_put_str(c, r->forwards);
	ipc_put_str(c, r->delivered_to);
	ipc_put_u8(c, r->kept);
	ipc_put_str(c, r->place);
	ipc_put_u64(c, r->device);
	return ipc_send(c, -1);
}

bool worker_read_result(const struct ipc_msg *m, struct worker_result *out)
{
	struct ipc_reader r;
	ipc_read(m, &r);
	uint8_t outcome = ipc_get_u8(&r);
	out->outcome = (enum worker_outcome)outcome;
	out->status = ipc_get_str(&r);
	out->text = ipc_get_str(&r);
	out->forwards = ipc_get_str(&r);
	out->delivered_to = ipc_get_str(&r);
	out->kept = ipc_get_u8(&r) != 0;
	out->place = ipc_get_str(&r);
	out->device = ipc_get_u64(&r);
	return m->type == WORKER_RESULT && ipc_done(&r) && outcome <= WORKER_BOUNCE &&
	       out->text.n <= WORKER_TEXT_MAX && out->forwards.n <= WORKER_FORWARDS_MAX;
}

int worker_send_filter(struct ipc *c, uint32_t id, const struct worker_filter *f, int message)
{
	const struct str fields[] = {f->program, f->filter, f->home, f->host, f->address, f->sender,
	    f->mailbox, f->quota, f->env};
	ipc_compose(c, WORKER_FILTER, id);
	ipc_put_u32(c, f->uid);
	ipc_put_u32(c, f->gid);
	ipc_put_u32(c, f->seconds);
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		ipc_put_str(c, fields[i]);
	return ipc_send(c, message);
}

bool worker_read_filter(const struct ipc_msg *m, struct worker_filter *out)
{
	struct ipc_reader r;
	struct str *const fields[] = {&out->program, &out->filter, &out->home, &out->host,
	    &out->address, &out->sender, &out->mailbox, &out->quota, &out->env};
	ipc_read(m, &r);
	out->uid = ipc_get_u32(&r);
	out->gid = ipc_get_u32(&r);
	out->seconds = ipc_get_u32(&r);
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		*fields[i] = ipc_get_str(&r);
	for (size_t i = 0; i + 1 < ARRAY_LEN(fields); i++)
		if (fields[i]->n > WORKER_PATH_MAX || str_has_ctl(*fields[i]))
			return false;
	return ipc_done(&r) && out->program.n && out->program.p[0] == '/' && out->home.n &&
	       out->home.p[0] == '/' && !(out->env.n && memchr(out->env.p, 0, out->env.n));
}

int worker_send_filtered(struct ipc *c, uint32_t id, const struct worker_filtered *r)
{
	ipc_compose(c, WORKER_FILTERED, id);
	ipc_put_u8(c, r->ended);
	ipc_put_u32(c, r->status);
	ipc_put_str(c, str_head(r->output, BROKER_OUTPUT_MAX));
	return ipc_send(c, -1);
}

bool worker_read_filtered(const struct ipc_msg *m, struct worker_filtered *out)
{
	struct ipc_reader r;
	ipc_read(m, &r);
	uint8_t ended = ipc_get_u8(&r);
	out->ended = ended == 1;
	out->status = ipc_get_u32(&r);
	out->output = ipc_get_str(&r);
	return m->type == WORKER_FILTERED && ipc_done(&r) && ended <= 1 && out->status <= 255 &&
	       out->output.n <= BROKER_OUTPUT_MAX;
}
