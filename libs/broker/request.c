#include "config.h"

#include "broker/broker-proto.h"
#include "auth/auth.h"

static bool token(struct str s, size_t max)
{
	if (!s.n || s.n > max)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_alnum((unsigned char)s.p[i]) && s.p[i] != '-')
			return false;
	return true;
}

static bool name_ok(struct str s, size_t max)
{
	return s.n <= max && !str_has_ctl(s);
}

/* Complete lines NAME=value without control characters. */
static bool env_ok(struct str env)
{
	struct str line;
	if (env.n > BROKER_ENV_MAX || (env.n && env.p[env.n - 1] != '\n'))
		return false;
	while (env.n && str_split(&env, '\n', &line)) {
		ptrdiff_t eq = str_chr(line, '=');
		if (eq <= 0 || str_has_ctl(line))
			return false;
	}
	return true;
}

static bool read_session(struct ipc_reader *r, struct broker_request *out)
{
	out->program = ipc_get_str(r);
	out->ticket = ipc_get_str(r);
	out->env = ipc_get_str(r);
	return ipc_done(r) && token(out->program, BROKER_PROGRAM_MAX) &&
	       out->ticket.n == AUTH_TICKET_SIZE && token(out->ticket, AUTH_TICKET_SIZE) &&
	       env_ok(out->env);
}

static bool read_worker(struct ipc_reader *r, struct broker_request *out)
{
	uint8_t fresh = ipc_get_u8(r);
	out->fresh = fresh == 1;
	out->name = ipc_get_str(r);
	return ipc_done(r) && fresh <= 1 && out->name.n && name_ok(out->name, BROKER_NAME_MAX);
}

static bool read_look(struct ipc_reader *r, struct broker_request *out)
{
	out->name = ipc_get_str(r);
	out->ext = ipc_get_str(r);
	return ipc_done(r) && out->name.n && name_ok(out->name, BROKER_NAME_MAX) &&
	       name_ok(out->ext, BROKER_EXT_MAX);
}

static bool read_filter(struct ipc_reader *r, struct broker_request *out)
{
	out->name = ipc_get_str(r);
	out->filter = ipc_get_str(r);
	out->sender = ipc_get_str(r);
	out->env = ipc_get_str(r);
	return ipc_done(r) && out->name.n && name_ok(out->name, BROKER_NAME_MAX) &&
	       (str_starts(out->filter, STR("rcptfilter")) ||
		   str_starts(out->filter, STR("smtpfilter"))) &&
	       name_ok(out->filter, BROKER_FILTER_MAX) && name_ok(out->sender, BROKER_SENDER_MAX) &&
	       env_ok(out->env);
}

static bool read_home(struct ipc_reader *r, struct broker_request *out)
{
	out->name = ipc_get_str(r);
	return ipc_done(r) && out->name.n && name_ok(out->name, BROKER_NAME_MAX);
}

bool broker_request_read(const struct ipc_msg *m, struct broker_request *out)
{
	struct ipc_reader r;
	*out = (struct broker_request){.type = (enum broker_type)m->type};
	ipc_read(m, &r);
	switch (m->type) {
	case BROKER_SESSION:
		return m->fd >= 0 && read_session(&r, out);
	case BROKER_WORKER:
		return m->fd < 0 && read_worker(&r, out);
	case BROKER_LOOK:
		return m->fd < 0 && read_look(&r, out);
	case BROKER_FILTER:
		return read_filter(&r, out);
	case BROKER_HOME:
		return m->fd < 0 && read_home(&r, out);
	}
	return false;
}
