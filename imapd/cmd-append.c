/* APPEND: the message streams to its file; nothing of it is kept in memory. */
#include "config.h"

#include "imapd/append-binary.h"
#include "imapd/outbox.h"
#include "imapd/share.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

struct append {
	char *name;
	struct place where;
	const char *dir;
	struct flag_list flags;
	int64_t date;
	bool utf8;
	bool binary; /* RFC 3516: kept in raw first, as it comes */
	int raw;
	char letters[MAILDIR_LETTERS_MAX + 1]; /* as long as d lives */
	struct maildir_delivery *d;
	bool counted; /* in the quota */
	bool cr;      /* a CR is held back until we know what follows */
	bool nul;     /* RFC 3501 forbids it */
};

static bool arguments(struct session *s, struct parser *p, struct append *a)
{
	*a = (struct append){.raw = -1};
	if (!parse_sp(p)) {
		reply_bad(s, "Mailbox name expected");
		return false;
	}
	if (!name_argument(s, p, &a->name))
		return false;
	bool ok = parse_sp(p);
	if (ok && parse_flag_list(p, &a->flags))
		ok = parse_sp(p);
	if (ok && parse_date_time(p, &a->date))
		ok = parse_sp(p);
	if (ok && parse_word(p, "UTF8"))
		ok = a->utf8 = s->utf8 && parse_sp(p) && parse_char(p, '(');
	if (!ok || !s->has_literal || !parse_end(p)) {
		reply_bad(s, "APPEND takes flags, a date and a literal");
		return false;
	}
	a->binary = s->literal.binary && !a->utf8;
	if (!place_target(s, a->name, &a->where))
		return false;
	a->dir = a->where.source ? a->where.source : a->where.dir;
	/* what the session could not set later it can't set now */
	a->flags.flags &= flags_changeable(a->where.rights);
	if (!place_allows(s, &a->where, MAILDIR_MARK_OTHER))
		a->flags.nkeywords = 0;
	return true;
}

/* On disk lines end with LF alone. */
static int write_lines(struct append *a, struct str s)
{
	struct maildir_delivery *d = a->d;
	int r = 0;
	a->nul |= str_chr(s, 0) >= 0;
	while (s.n && r == 0) {
		if (a->cr && s.p[0] != '\n')
			r = maildir_deliver_write(d, "\r", 1);
		a->cr = false;
		ptrdiff_t cr = str_chr(s, '\r');
		size_t n = cr < 0 ? s.n : (size_t)cr;
		if (n && maildir_deliver_write(d, s.p, n) < 0)
			r = -1;
		a->cr = cr >= 0;
		s = str_skip(s, cr < 0 ? n : n + 1);
	}
	return r;
}

static int write_converted(void *ctx, struct str s)
{
	return write_lines(ctx, s);
}

static int write_piece(struct append *a, struct str s)
{
	return a->binary ? file_write_all(a->raw, s.p, s.n) : write_lines(a, s);
}

/* All of the literal is there. */
static int complete(struct append *a)
{
	if (a->binary && binary_convert(a->raw, write_converted, a) < 0)
		return -1;
	return a->cr ? maildir_deliver_write(a->d, "\r", 1) : 0;
}

/* Reads the literal and the end of the line; a write that fails does not stop the reading.  False:
 * the client is gone. */
static bool receive(struct session *s, struct append *a, int *error)
{
	struct str got;
	struct buf rest;
	*error = 0;
	if (!s->literal.nonsync)
		io_putz(&s->io, "+ OK\r\n");
	for (uint64_t left = s->literal.size; left; left -= got.n) {
		if (io_some(&s->io, left < IO_INPUT ? (size_t)left : IO_INPUT, &got) != IO_OK)
			return false;
		if (!*error && write_piece(a, got) < 0)
			*error = errno;
	}
	s->has_literal = false;
	buf_init(&rest, 256);
	bool ok = io_line(&s->io, &rest, 256) == IO_OK;
	if (ok && !str_is(str_trim(buf_str(&rest)), a->utf8 ? ")" : ""))
		*error = EPROTO;
	buf_free(&rest);
	if (ok && !*error && complete(a) < 0)
		*error = errno;
	return ok;
}

/* Takes back a message of which nobody was told. */
static int unpublish(struct append *a, const char *name, uint64_t size)
{
	int saved = errno;
	char path[MAILDIR_NAME_MAX * 2];
	int fd = open(a->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	snprintf(path, sizeof path, "cur/%s", name);
	if (fd >= 0) {
		file_unlink(fd, path);
		close(fd);
	}
	if (a->counted)
		maildir_quota_add(a->where.root, -(int64_t)size, -1);
	errno = saved;
	return -1;
}

/* The lock is taken before the message shows, so that nobody else numbers it. */
static int publish(struct session *s, struct maildir_delivery **d, struct append *a,
    struct maildir_uids **u, const char *name)
{
	struct maildir_name parsed;
	uint32_t uidvalidity;
	if (!maildir_name_parse(str_of(name), &parsed)) {
		errno = EINVAL;
		return -1;
	}
	uint32_t uid = maildir_uids_add(*u, parsed.base);
	if (maildir_uids_prepare(*u) < 0 || maildir_deliver_publish(d) < 0)
		return -1;
	if (maildir_uids_commit(u, &uidvalidity) < 0)
		return unpublish(a, name, parsed.size);
	reply_ok(s, "[APPENDUID %u %u] APPEND Ok.", uidvalidity, uid);
	return 0;
}

/* In a folder that is shared by file permissions everybody has flags and UIDs of their own: the
 * message is there, and gets both when a copy of the folder is looked at next. */
static int finish_files(struct session *s, struct maildir_delivery **d)
{
	if (maildir_deliver_finish(d, NULL) < 0)
		return -1;
	reply_ok(s, "APPEND Ok.");
	return 0;
}

static int finish(struct session *s, struct maildir_delivery **d, struct append *a)
{
	struct buf name;
	struct maildir_uids *u = NULL;
	buf_init(&name, 512);
	int r = maildir_deliver_prepare(*d, &name);
	bool sends = r == 0 && name_is_outbox(s, a->name);
	if (sends && !outbox_send(s, maildir_deliver_fd(*d))) {
		maildir_deliver_abort(d);
		buf_free(&name);
		return 0;
	}
	if (r == 0) {
		u = maildir_uids_begin(a->dir, s->cfg.use_locks ? MAILDIR_DOT_LOCK : 0);
		r = u ? publish(s, d, a, &u, name.p) : -1;
	}
	maildir_deliver_abort(d);
	maildir_uids_abort(&u);
	buf_free(&name);
	if (r < 0 && sends) {
		log_error(NULL, "cannot keep a message that was sent, user=%s: %m", s->user);
		reply_ok(s, "[ALERT] The message was sent, but no copy could be kept");
		return 0;
	}
	return r;
}

static void refuse(struct session *s, int error)
{
	errno = error;
	if (error == EPROTO)
		reply_bad(s, "The message's literal must be the end of the command");
	else if (error == EBADMSG || error == EMSGSIZE)
		reply_no(s, "[UNKNOWN-CTE] The message's binary parts cannot be encoded");
	else if (error == EDQUOT)
		reply_no(s, "[OVERQUOTA] You exceeded your mail quota.");
	else
		reply_errno(s, "Cannot save this message");
}

static bool in_files(const struct append *a)
{
	return a->where.kind == PLACE_FILES;
}

/* Where the message will go; false: the reply is made. */
static bool begin(struct session *s, struct append *a)
{
	maildir_flags_letters(in_files(a) ? 0 : a->flags.flags, STR_NONE, a->letters);
	a->counted = !place_uncounted(&a->where) && !(a->flags.flags & MAILDIR_TRASHED);
	struct maildir_deliver_options o = {
	    .flags = a->counted ? 0 : MAILDIR_NO_QUOTA,
	    .size_hint = (int64_t)s->literal.size,
	    .letters = a->letters,
	    .mtime = a->date < 0 ? 1 : a->date,
	    .keywords = a->flags.keywords,
	    .nkeywords = s->cfg.keywords && !in_files(a) ? a->flags.nkeywords : 0,
	    .mode = in_files(a) ? 0666 : 0,
	};
	a->d = maildir_deliver_begin(a->dir, &o);
	a->raw = a->d && a->binary ? binary_file(a->dir) : -1;
	if (a->d && (!a->binary || a->raw >= 0))
		return true;
	refuse(s, errno);
	maildir_deliver_abort(&a->d);
	return false;
}

static void take(struct session *s, struct append *a)
{
	int error;
	if (!receive(s, a, &error)) {
		s->logout = true;
		maildir_deliver_abort(&a->d);
	} else if (error) {
		maildir_deliver_abort(&a->d);
		refuse(s, error);
	} else if (a->nul) {
		maildir_deliver_abort(&a->d);
		reply_no(s, "[CANNOT] A message cannot hold NUL bytes");
	} else if ((in_files(a) ? finish_files(s, &a->d) : finish(s, &a->d, a)) < 0) {
		refuse(s, errno);
	}
}

void cmd_append(struct session *s, struct parser *p)
{
	struct append a;
	if (!arguments(s, p, &a))
		return;
	if (s->cfg.append_max && s->literal.size > s->cfg.append_max) {
		reply_no(s, "[TOOBIG] Message too large");
		return;
	}
	if (!begin(s, &a))
		return;
	take(s, &a);
	if (a.raw >= 0)
		close(a.raw);
}
