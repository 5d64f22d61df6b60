/* RCPT: the filter of the mailbox's owner, and that all recipients agree about whitelisting. */
#include "config.h"

#include "submit/filter-run.h"

#include "submit/filter-reply.h"
#include "broker/broker-proto.h"

#include <stdlib.h>

enum { ENV_TEXT_MAX = 48 * 1024, CONTENT_LATER = 99, TEMPORARY = 75 };

struct rcpt_filter {
	struct transaction *t; /* NULL: cancelled */
	rcpt_filtered done;
	char *account;
};

bool whitelist_agrees(struct transaction *t, bool white)
{
	struct message *m = t->message;
	enum whitelist mine = white ? WHITE_YES : WHITE_NO;
	if (m->whitelist == WHITE_UNKNOWN)
		m->whitelist = mine;
	if (m->whitelist == mine)
		return true;
	transaction_say(t, REPLY_WHITELIST);
	return false;
}

bool filter_plain(struct transaction *t)
{
	return whitelist_agrees(t, true);
}

static void put(struct buf *out, const char *name, struct str value)
{
	if (!str_has_ctl(value))
		buf_addf(out, "%s=%.*s\n", name, STR_FMT(value));
}

/* What the access file says may hold what no environment can. */
static void put_access(struct buf *out, struct str lines)
{
	struct str line;
	while (str_split(&lines, '\n', &line))
		if (str_chr(line, '=') > 0 && !str_has_ctl(line)) {
			buf_adds(out, line);
			buf_addc(out, '\n');
		}
}

bool filter_environment(const struct transaction *t, struct buf *out)
{
	const struct gate_origin *o = &t->origin;
	buf_init(out, ENV_TEXT_MAX);
	if (!t->from_network)
		return true;
	put(out, "TCPREMOTEHOST", o->remote_host);
	put(out, "TCPREMOTEIP", o->remote_ip);
	put(out, "TCPLOCALIP", o->local_ip);
	put(out, "ESMTPHELO", t->message->mail.helo);
	buf_addf(out, "TCPREMOTEPORT=%u\nTCPLOCALPORT=%u\n", o->remote_port, o->local_port);
	put_access(out, buf_str(&t->env));
	if (t->message->mail.login.n) {
		put(out, "SENDERAUTH", t->message->mail.login);
		buf_addz(out, "RELAYCLIENT=\nFAXRELAYCLIENT=\n");
	}
	return !out->failed;
}

static void refuse(struct transaction *t, const struct rcpt_filter *r, struct str output)
{
	struct log_ctx ctx = {"account", r->account};
	const struct filter_refusal how = {
	    .code = 511,
	    .silent_code = 571,
	    .silent = STR("Delivery is not wanted by the recipient"),
	};
	struct gate_reply reply_;
	if (!filter_output_read(output, &how, t->message->arena, &reply_))
		reply_ = reply(REPLY_NO_MEMORY);
	log_info(&ctx, "its rcptfilter refuses mail from <%.*s>: %u %.*s",
	    STR_FMT(t->message->sender), reply_.code, STR_FMT(reply_.text));
	t->answer(t->ctx, &reply_);
}

static void answered(void *ctx, int result, unsigned status, struct str output)
{
	struct rcpt_filter *r = ctx;
	struct transaction *t = r->t;
	struct log_ctx log = {"account", r->account};
	if (t)
		t->rcpt_filter = NULL;
	if (!t) {
		/* the client has gone */
	} else if (result < 0 || status == TEMPORARY) {
		log_error(&log, "its rcptfilter can't judge mail: %.*s", STR_FMT(output));
		transaction_say(t, REPLY_MAILBOX_FILTER);
	} else if (status == 0 || status == CONTENT_LATER) {
		r->done(t, status == 0, status == CONTENT_LATER);
	} else {
		refuse(t, r, output);
	}
	free(r->account);
	free(r);
}

void rcpt_filter_cancel(struct rcpt_filter *r)
{
	if (r)
		r->t = NULL;
}

static char *filter_name(struct str account, struct str ext)
{
	const char *alias = str_is(account, BROKER_ALIAS_FILTER) ? "-alias" : "";
	return mem_printf("rcptfilter%s%s%.*s", alias, ext.n ? "-" : "", STR_FMT(ext));
}

bool filter_call_ok(const struct transaction *t, struct str account, struct str ext)
{
	return account.n <= BROKER_NAME_MAX && ext.n <= BROKER_FILTER_MAX - 32 &&
	       t->message->sender.n <= BROKER_SENDER_MAX && !str_has_ctl(account) &&
	       !str_has_ctl(ext) && !str_has_ctl(t->message->sender);
}

void filter_rcpt(struct transaction *t, struct str account, struct str ext, rcpt_filtered done)
{
	struct buf env;
	if (!filter_environment(t, &env) || !filter_call_ok(t, account, ext)) {
		buf_free(&env);
		transaction_say(t, REPLY_MAILBOX_FILTER);
		return;
	}
	struct rcpt_filter *r = mem_new(struct rcpt_filter);
	*r = (struct rcpt_filter){t, done, mem_strndup(account.p, account.n)};
	t->rcpt_filter = r;
	char *name = filter_name(account, ext);
	struct broker_filter f = {.name = account,
	    .filter = str_of(name),
	    .sender = t->message->sender,
	    .env = buf_str(&env),
	    .message = -1};
	broker_filter(t->gate->broker, &f, answered, r);
	free(name);
	buf_free(&env);
}
