/*
 * The dialogue.  Messages go to the gate as they come, except where the recipients are in the
 * header: that is read first.  Without the gate, mail of this machine's programs goes to the drop
 * folder, as sendmail's does.
 */
#include "config.h"

#include "rewrite/rewrite.h"
#include "gate/client-env.h"
#include "submit/sendmail.h"
#include "submit/submit.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ARENA_MAX = 64 * 1024 * 1024, FAILED = 1 };

struct run {
	const struct instance *in;
	const struct submit_options *o;
	struct arena *arena;
	struct gate_sync *gate; /* NULL: the drop folder */
	struct submit_sender sender;
	VEC(struct gate_rcpt) rcpts; /* accepted */
	size_t offered;
	struct buf header;
};

/* ---- replies --------------------------------------------------------------------------------- */

static void put(unsigned code, struct str text)
{
	struct str line;
	while (str_split(&text, '\n', &line))
		printf("%03u%c%.*s\n", code, text.n ? '-' : ' ', STR_FMT(line));
	fflush(stdout);
}

/* What the gate has said; true: yes. */
static bool pass_on(int result, const struct gate_reply *r)
{
	if (result < 0)
		put(451, STR("The mail system is not running, try again later"));
	else
		put(r->code, r->text.n ? r->text : STR("Ok."));
	return result == 0 && r->code < 300;
}

static int refuse(unsigned code, const char *text)
{
	put(code, str_of(text));
	return FAILED;
}

/* ---- looking up ------------------------------------------------------------------------------ */

static int look_up(struct run *r, const char *address, bool expand)
{
	struct gate_reply reply = {0};
	struct buf out;
	struct str line;
	if (!r->gate || gate_sync_vrfy(r->gate, str_of(address), expand, &reply) < 0)
		return refuse(451, "The mail system is not running, try again later");
	buf_init(&out, 2 * 1024 * 1024);
	struct str rest = reply.text;
	while (reply.code < 300 && str_split(&rest, '\n', &line))
		buf_addf(&out, "%s<%.*s>", out.n ? "\n" : "", STR_FMT(line));
	if (reply.code < 300)
		put(reply.code, buf_str(&out));
	else
		pass_on(0, &reply);
	buf_free(&out);
	return reply.code < 300 || (expand && reply.code == 500) ? 0 : FAILED;
}

/* ---- the envelope ---------------------------------------------------------------------------- */

/* The next line without its end: 1, 0 at the end of input, -1 too long. */
static int read_line(struct run *r, struct str *line)
{
	struct buf b;
	int c, n = 0;
	buf_init(&b, SUBMIT_LINE_MAX);
	while ((c = getc(stdin)) != EOF && c != '\n' && ++n <= SUBMIT_LINE_MAX)
		buf_addc(&b, (char)c);
	*line = arena_str(r->arena, buf_str(&b));
	bool good = !b.failed && n <= SUBMIT_LINE_MAX && line->p;
	buf_free(&b);
	return c == EOF ? 0 : good ? 1 : -1;
}

static const char *with_word(struct run *r)
{
	const char *word = r->o->rfc3848 ? r->o->rfc3848 : r->o->module;
	return r->sender.utf8 ? arena_printf(r->arena, "UTF8%s", word) : word;
}

static bool say_sender(struct run *r)
{
	struct submit_sender *s = &r->sender;
	struct gate_reply reply = {0};
	struct str ret = str_of(getenv("DSNRET"));
	if (!s->ret && ret.n && (ret.p[0] == 'F' || ret.p[0] == 'H'))
		s->ret = ret.p[0];
	if (s->envid.n == 0)
		s->envid = str_of(getenv("DSNENVID"));
	s->verp = s->verp || r->o->verp;
	struct gate_mail mail = {
	    .sender = s->address,
	    .helo = str_of(getenv("ESMTPHELO")),
	    .with = with_word(r),
	    .envid = s->envid,
	    .security = s->security,
	    .ret = s->ret,
	    .verp = s->verp,
	    .smtputf8 = s->utf8 || strcmp(r->o->module, "esmtp") != 0,
	    .hold = r->o->hold,
	};
	if (!r->gate) {
		put(250, STR("Ok."));
		return true;
	}
	int result = gate_sync_mail(r->gate, &mail, &reply);
	return pass_on(result, &reply);
}

static struct gate_rcpt with_default(struct gate_rcpt rcpt)
{
	if (!rcpt.notify)
		rcpt.notify = submit_notify(str_of(getenv("DSNNOTIFY")));
	return rcpt;
}

static int offer(struct run *r, const struct gate_rcpt *rcpt, struct gate_reply *reply)
{
	*reply = (struct gate_reply){.code = 250};
	r->offered++;
	if (r->rcpts.n >= SENDMAIL_RCPTS_MAX && !r->gate)
		*reply = (struct gate_reply){.code = 431, .text = STR("Too many recipients")};
	else if (r->gate && gate_sync_rcpt(r->gate, rcpt, reply) < 0)
		return -1;
	if (reply->code < 300)
		vec_push(&r->rcpts, *rcpt);
	return 0;
}

/* 0 the envelope is complete. */
static int read_envelope(struct run *r)
{
	struct str line;
	struct gate_reply reply;
	int more = read_line(r, &line);
	if (more <= 0)
		return refuse(500, "A line with the sender is wanted");
	const char *wrong = submit_sender_line(r->arena, line, &r->sender);
	if (wrong)
		return refuse(501, wrong);
	if (!say_sender(r))
		return FAILED;
	while ((more = read_line(r, &line)) > 0 && line.n) {
		struct gate_rcpt rcpt;
		wrong = submit_rcpt_line(line, &rcpt);
		if (wrong) {
			put(501, str_of(wrong));
			continue;
		}
		rcpt = with_default(rcpt);
		int result = offer(r, &rcpt, &reply);
		pass_on(result, &reply);
		if (result < 0)
			return FAILED;
	}
	return more > 0 ? 0 : refuse(500, "The input ends in the envelope");
}

/* ---- recipients of the header ---------------------------------------------------------------- */

/* The header with its empty line, or to the end of input. */
static bool read_header(struct run *r)
{
	bool at_start = true;
	int c;
	while ((c = getc(stdin)) != EOF) {
		if (!buf_addc(&r->header, (char)c))
			return false;
		if (c == '\n' && at_start)
			break;
		at_start = c == '\n';
	}
	return true;
}

static int parse_recipients(struct run *r, struct str header, struct mailaddr_list *list)
{
	struct header_field f;
	if (!r->o->bcc)
		return header_recipients(r->arena, header, SENDMAIL_RCPTS_MAX, list);
	struct mailaddr **tail = &list->first;
	while (header_next_named(&header, "Bcc", &f)) {
		struct mailaddr_list one;
		if (mailaddr_parse(r->arena, f.body, SENDMAIL_RCPTS_MAX, &one) < 0)
			return -1;
		for (*tail = one.first; *tail;)
			tail = &(*tail)->next;
	}
	return 0;
}

static int offer_listed(struct run *r, const struct mailaddr_list *list)
{
	struct gate_reply reply;
	struct buf b;
	int result = 0;
	buf_init(&b, SUBMIT_LINE_MAX);
	for (const struct mailaddr *m = list->first; m && result == 0; m = m->next) {
		if (m->kind != MAILADDR_MAILBOX || m->local.n == 0)
			continue;
		buf_clear(&b);
		mailaddr_print_spec(&b, m->local, m->domain);
		struct gate_rcpt rcpt = {.address = arena_str(r->arena, buf_str(&b))};
		rcpt = with_default(rcpt);
		result = offer(r, &rcpt, &reply);
		if (result < 0 || reply.code >= 300) {
			pass_on(result, &reply);
			result = -1;
		}
	}
	buf_free(&b);
	return result;
}

static int header_envelope(struct run *r)
{
	static const struct rewrite_field drop[] = {{"Bcc", NULL}, {"Resent-Bcc", NULL}};
	struct mailaddr_list list = {0};
	struct str all, fields, without;
	size_t body;
	if (!read_header(r))
		return refuse(534, "The message's header is too large");
	all = buf_str(&r->header);
	fields = str_head(all, header_length(all, &body));
	if (parse_recipients(r, fields, &list) < 0 ||
	    rewrite_fields(r->arena, fields, drop, ARRAY_LEN(drop), &without) < 0)
		return refuse(451, "Out of memory");
	if (offer_listed(r, &list) < 0)
		return FAILED;
	if (r->offered == 0)
		return refuse(511, "The header names no recipients");
	struct buf copy;
	buf_init(&copy, SUBMIT_HEADER_MAX + 16);
	buf_adds(&copy, without);
	buf_adds(&copy, str_skip(all, fields.n));
	buf_free(&r->header);
	r->header = copy;
	return 0;
}

/* ---- the message ----------------------------------------------------------------------------- */

static int to_gate(struct run *r)
{
	static char piece[IPC_CHUNK];
	struct gate_reply reply = {0};
	size_t n;
	int result = r->header.n ? gate_sync_data(r->gate, buf_str(&r->header)) : 0;
	while (result == 0 && (n = fread(piece, 1, sizeof(piece), stdin)) > 0)
		result = gate_sync_data(r->gate, str_at(piece, n));
	if (ferror(stdin))
		return refuse(451, "The message can't be read");
	if (result == 0)
		result = gate_sync_end(r->gate, &reply);
	return pass_on(result, &reply) ? 0 : FAILED;
}

static int to_drop(struct run *r)
{
	struct sendmail_message m = {
	    .sender = r->sender.address, .n_rcpts = r->rcpts.n, .offers = r->rcpts.v};
	struct sendmail_options o = {.ret = r->sender.ret,
	    .verp = r->sender.verp,
	    .envid = arena_strz(r->arena, r->sender.envid)};
	if (r->sender.security.n)
		o.security = "STARTTLS";
	buf_init(&m.text, SENDMAIL_MAX);
	buf_adds(&m.text, buf_str(&r->header));
	char *room;
	size_t n;
	while (
	    (room = buf_reserve(&m.text, IPC_CHUNK)) && (n = fread(room, 1, IPC_CHUNK, stdin)) > 0)
		m.text.n += n;
	bool good = !m.text.failed && !ferror(stdin) && sendmail_drop(r->in, &o, &m) == 0;
	buf_free(&m.text);
	if (!good)
		return refuse(451, "The mail system is not running, try again later");
	put(250, STR("Ok. The message waits until the mail system runs."));
	return 0;
}

/* ---- all of it ------------------------------------------------------------------------------- */

/* Other modules' names are for root and the mail system's own user: by them a client's rights are
 * told.  The gate sees to it; here it is said. */
static bool may_be(const struct run *r)
{
	struct stat st;
	uid_t uid = geteuid();
	if (strcmp(r->o->module, "local") == 0 || uid == 0)
		return true;
	char *path = instance_path(r->in->run, "submit");
	bool own = stat(path, &st) < 0 || st.st_uid == uid;
	free(path);
	return own;
}

static int dialogue(struct run *r)
{
	if (r->o->vrfy || r->o->expn)
		return look_up(r, r->o->vrfy ? r->o->vrfy : r->o->expn, !r->o->vrfy);
	if (!r->gate && strcmp(r->o->module, "local") != 0)
		return refuse(451, "The mail system is not running, try again later");
	int code = read_envelope(r);
	if (code == 0 && r->offered == 0)
		code = header_envelope(r);
	if (code == 0 && r->rcpts.n == 0)
		code = refuse(511, "No recipient was accepted");
	if (code == 0)
		code = r->gate ? to_gate(r) : to_drop(r);
	return code;
}

int submit_run(const struct instance *in, const struct submit_options *o)
{
	struct run r = {.in = in, .o = o, .arena = arena_new(ARENA_MAX)};
	struct buf env;
	buf_init(&env, CLIENT_ENV_MAX);
	buf_init(&r.header, SUBMIT_HEADER_MAX);
	if (!r.arena || !client_env(&env) || !may_be(&r)) {
		fprintf(stderr, "submit: only root and the mail system's own user may submit for "
				"another module than local\n");
		return FAILED;
	}
	struct gate_origin origin = {
	    .source = o->module,
	    .remote_ip = str_of(getenv("TCPREMOTEIP")),
	    .remote_host = str_of(getenv("TCPREMOTEHOST")),
	    .vhost = str_of(o->vhost),
	    .env = buf_str(&env),
	    .from_mta = str_of(o->from_mta),
	    .label = str_of(o->src),
	};
	r.gate = gate_sync_open(in, &origin);
	int code = dialogue(&r);
	gate_sync_close(r.gate);
	buf_free(&r.header);
	buf_free(&env);
	vec_free(&r.rcpts);
	arena_free(r.arena);
	return code;
}
