/* The engine: reads a command, finds it in the table, runs it, reports changes, replies. */
#include "config.h"

#include "imapd/share.h"

#include <errno.h>
#include <stdio.h>

enum command_flags {
	NEEDS_FOLDER = 1,  /* only with a selected folder */
	KEEPS_NUMBERS = 2, /* no EXPUNGE while it runs, unless in its UID form (RFC 3501, 7.4.1) */
	HAS_UID = 4,       /* "UID name" exists */
	QUIET = 8,         /* reports no changes of the folder at its end */
};

struct command {
	const char *name;
	unsigned flags;
	command_fn *run;
};

static const struct command commands[] = {
    {"ACL", 0, cmd_acl},
    {"APPEND", 0, cmd_append},
    {"CAPABILITY", 0, cmd_capability},
    {"CHECK", NEEDS_FOLDER, cmd_check},
    {"CLOSE", NEEDS_FOLDER | QUIET, cmd_close},
    {"COPY", NEEDS_FOLDER | HAS_UID | KEEPS_NUMBERS, cmd_copy},
    {"CREATE", 0, cmd_create},
    {"DELETE", 0, cmd_delete},
    {"DELETEACL", 0, cmd_deleteacl},
    {"ENABLE", QUIET, cmd_enable},
    {"EXAMINE", QUIET, cmd_examine},
    {"EXPUNGE", NEEDS_FOLDER | HAS_UID, cmd_expunge},
    {"FETCH", NEEDS_FOLDER | HAS_UID | KEEPS_NUMBERS, cmd_fetch},
    {"GETACL", 0, cmd_getacl},
    {"GETQUOTA", 0, cmd_getquota},
    {"GETQUOTAROOT", 0, cmd_getquotaroot},
    {"ID", 0, cmd_id},
    {"IDLE", 0, cmd_idle},
    {"LIST", 0, cmd_list},
    {"LISTRIGHTS", 0, cmd_listrights},
    {"LOGOUT", QUIET, cmd_logout},
    {"LSUB", 0, cmd_lsub},
    {"MOVE", NEEDS_FOLDER | HAS_UID, cmd_move},
    {"MYRIGHTS", 0, cmd_myrights},
    {"NAMESPACE", 0, cmd_namespace},
    {"NOOP", 0, cmd_noop},
    {"RENAME", 0, cmd_rename},
    {"SEARCH", NEEDS_FOLDER | HAS_UID | KEEPS_NUMBERS, cmd_search},
    {"SELECT", QUIET, cmd_select},
    {"SETACL", 0, cmd_setacl},
    {"SETQUOTA", 0, cmd_setquota},
    {"SORT", NEEDS_FOLDER | HAS_UID | KEEPS_NUMBERS, cmd_sort},
    {"STATUS", 0, cmd_status},
    {"STORE", NEEDS_FOLDER | HAS_UID | KEEPS_NUMBERS, cmd_store},
    {"SUBSCRIBE", 0, cmd_subscribe},
    {"THREAD", NEEDS_FOLDER | HAS_UID | KEEPS_NUMBERS, cmd_thread},
    {"UNSELECT", NEEDS_FOLDER | QUIET, cmd_unselect},
    {"UNSUBSCRIBE", 0, cmd_unsubscribe},
};

static const struct command *find_command(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (str_iis(name, commands[i].name))
			return &commands[i];
	return NULL;
}

/* ---- replies ---- */

__attribute__((format(printf, 3, 0))) static void set_reply(
    struct session *s, enum reply r, const char *fmt, va_list ap)
{
	s->reply = r;
	buf_clear(&s->text);
	buf_vaddf(&s->text, fmt, ap);
}

#define REPLY_FUNCTION(name, value)                        \
	void name(struct session *s, const char *fmt, ...) \
	{                                                  \
		va_list ap;                                \
		va_start(ap, fmt);                         \
		set_reply(s, value, fmt, ap);              \
		va_end(ap);                                \
	}
REPLY_FUNCTION(reply_ok, REPLY_OK)
REPLY_FUNCTION(reply_no, REPLY_NO)
REPLY_FUNCTION(reply_bad, REPLY_BAD)

void reply_errno(struct session *s, const char *what)
{
	const char *code = errno == EDQUOT   ? "[OVERQUOTA] "
			   : errno == ENOENT ? "[NONEXISTENT] "
			   : errno == EEXIST ? "[ALREADYEXISTS] "
			   : errno == EACCES || errno == EPERM || errno == EROFS ? "[NOPERM] "
										 : "";
	if (!*code && errno != EINVAL && errno != ELOOP)
		log_error(&(struct log_ctx){"user", s->user}, "%s: %m", what);
	reply_no(s, "%s%s: %s", code, what, strerror(errno));
}

static void send_reply(struct session *s)
{
	static const char *const word[] = {"BAD", "OK", "NO", "BAD"};
	if (s->reply == REPLY_NONE)
		reply_bad(s, "Command not understood");
	io_put(&s->io, s->tag.n ? s->tag : STR("*"));
	io_putf(&s->io, " %s %s\r\n", word[s->reply], s->text.p);
	s->bad = s->reply == REPLY_BAD ? s->bad + 1 : 0;
}

/* ---- reading ---- */

static bool skip_bytes(struct session *s, uint64_t n)
{
	struct str got;
	while (n) {
		if (io_some(&s->io, n < IO_INPUT ? (size_t)n : IO_INPUT, &got) != IO_OK)
			return false;
		n -= got.n;
	}
	return true;
}

static bool skip_line(struct session *s)
{
	struct str got;
	for (;;) {
		if (io_some(&s->io, 1, &got) != IO_OK)
			return false;
		if (got.p[0] == '\n')
			return true;
	}
}

static bool read_literal(struct session *s, const struct literal *l)
{
	struct str got;
	buf_addz(&s->line, "\r\n");
	if (!l->nonsync)
		io_putz(&s->io, "+ OK\r\n");
	for (uint64_t left = l->size; left; left -= got.n) {
		if (io_some(&s->io, left < IO_INPUT ? (size_t)left : IO_INPUT, &got) != IO_OK)
			return false;
		buf_adds(&s->line, got);
	}
	return !s->line.failed;
}

/* True when the line so far is an APPEND up to the literal that is its message. */
static bool is_append(struct session *s, const struct literal *l, size_t line_start)
{
	struct parser p = {str_head(buf_str(&s->line), line_start + l->at), s->arena};
	struct str tag, name, mailbox;
	struct flag_list flags;
	int64_t date;
	arena_reset(s->arena);
	if (!parse_tag(&p, &tag) || !parse_sp(&p) || !parse_atom(&p, &name) ||
	    !str_iis(name, "APPEND") || !parse_sp(&p) || !parse_astring(&p, &mailbox) ||
	    !parse_sp(&p))
		return false;
	if (parse_flag_list(&p, &flags) && !parse_sp(&p))
		return false;
	if (parse_date_time(&p, &date) && !parse_sp(&p))
		return false;
	if (parse_word(&p, "UTF8") && (!parse_sp(&p) || !parse_char(&p, '(')))
		return false;
	return parse_end(&p);
}

/* A command that is too long is answered as soon as its tag is known, and its rest is skipped. */
static bool refuse_long(struct session *s, const struct literal *l)
{
	struct parser p = {buf_str(&s->line), s->arena};
	if (!parse_tag(&p, &s->tag))
		s->tag = STR_NONE;
	reply_bad(s, "[TOOBIG] Command line too long");
	if (l && l->nonsync) {
		struct buf rest;
		struct literal more;
		buf_init(&rest, IO_INPUT);
		bool ok = skip_bytes(s, l->size);
		while (ok && io_line(&s->io, &rest, IO_INPUT) == IO_OK &&
		       parse_literal_tail(buf_str(&rest), &more) && more.nonsync) {
			ok = skip_bytes(s, more.size);
			buf_clear(&rest);
		}
		buf_free(&rest);
		if (!ok)
			return false;
	} else if (!l && !skip_line(s)) {
		return false;
	}
	send_reply(s);
	return true;
}

enum read_result { READ_COMMAND, READ_REFUSED, READ_END };

static enum read_result read_end(struct session *s, enum io_result r)
{
	if (r == IO_TIMEOUT) {
		io_putz(&s->io, "* BYE Idle for too long\r\n");
		s->timed_out = true;
	}
	return READ_END;
}

static enum read_result read_command(struct session *s)
{
	size_t start = 0, max = s->cfg.line_max;
	buf_clear(&s->line);
	s->has_literal = false;
	for (;;) {
		struct literal l;
		enum io_result r = io_line(&s->io, &s->line, max);
		if (r == IO_TOO_LONG)
			return refuse_long(s, NULL) ? READ_REFUSED : READ_END;
		if (r != IO_OK)
			return read_end(s, r);
		if (!parse_literal_tail(str_skip(buf_str(&s->line), start), &l))
			return READ_COMMAND;
		if (is_append(s, &l, start)) {
			s->has_literal = true;
			s->literal = l;
			s->line.n = start + l.at;
			return READ_COMMAND;
		}
		if (l.size > max - s->line.n || max - s->line.n < 2)
			return refuse_long(s, &l) ? READ_REFUSED : READ_END;
		if (!read_literal(s, &l))
			return READ_END;
		start = s->line.n;
	}
}

/* ---- running ---- */

static bool check_state(struct session *s, const struct command *c)
{
	if (!c)
		reply_bad(s, "Command not understood");
	else if (s->uid && !(c->flags & HAS_UID))
		reply_bad(s, "UID does not go with this command");
	else if ((c->flags & NEEDS_FOLDER) && !s->box)
		reply_bad(s, "No mailbox is selected");
	else
		return true;
	return false;
}

/* A message whose command was refused is not for us to read, except when it comes unasked. */
static void drop_literal(struct session *s)
{
	struct buf rest;
	struct literal more = s->literal;
	buf_init(&rest, IO_INPUT);
	while (s->has_literal && more.nonsync) {
		buf_clear(&rest);
		s->has_literal = skip_bytes(s, more.size) &&
				 io_line(&s->io, &rest, IO_INPUT) == IO_OK &&
				 parse_literal_tail(buf_str(&rest), &more);
	}
	s->has_literal = false;
	buf_free(&rest);
}

static void run(struct session *s)
{
	struct parser p = {buf_str(&s->line), s->arena};
	struct str name = STR_NONE;
	const struct command *c = NULL;
	s->uid = s->tell_modseq = false;
	s->reply = REPLY_NONE;
	if (!parse_tag(&p, &s->tag)) {
		s->tag = STR_NONE;
		reply_bad(s, "Tag expected");
	} else if (!parse_sp(&p) || !parse_atom(&p, &name)) {
		reply_bad(s, "Command expected");
	} else {
		if (str_iis(name, "UID") && parse_sp(&p) && parse_atom(&p, &name))
			s->uid = true;
		c = find_command(name);
		mailbox_refresh(s);
		if (check_state(s, c))
			c->run(s, &p);
	}
	drop_literal(s);
	if (s->logout && s->reply == REPLY_NONE)
		return; /* the client is gone */
	if (c && s->box && !(c->flags & QUIET) && !s->logout &&
	    mailbox_announce(s, s->uid || !(c->flags & KEEPS_NUMBERS)) < 0) {
		io_putz(&s->io, "* BYE The mailbox changed beyond repair, please log in again\r\n");
		s->logout = true;
		return;
	}
	if (s->tell_modseq && s->box && s->condstore && s->box->mods.highest &&
	    s->reply == REPLY_OK)
		reply_ok(
		    s, "[HIGHESTMODSEQ %llu] Completed", (unsigned long long)s->box->mods.highest);
	send_reply(s);
}

bool command_next(struct session *s)
{
	s->line.max = s->cfg.line_max + 16;
	enum read_result r = read_command(s);
	if (r == READ_END)
		return false;
	if (r == READ_COMMAND && s->line.n + s->has_literal) {
		arena_reset(s->arena);
		run(s);
	}
	if (s->bad > BAD_COMMANDS_MAX) {
		io_putz(&s->io, "* BYE Too many errors\r\n");
		return false;
	}
	return !s->logout && !s->io.dead;
}
