/* COPY and MOVE. */
#include "config.h"

#include "imapd/copy-across.h"
#include "imapd/outbox.h"
#include "imapd/share.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* One message on its way: file name below tmp/ of the target, later below cur/. */
struct moved {
	uint32_t index, from, to;
	char *name;
};

struct transfer {
	struct session *s;
	char *name;
	struct place to;
	const char *dir;
	int fd;          /* the target folder */
	bool across;     /* to another Maildir */
	bool unnumbered; /* UIDs there are everybody's own */
	bool trash;
	bool sent; /* through the Outbox */
	struct picked set;
	VEC(struct moved) done;
};

static bool arguments(struct session *s, struct parser *p, struct transfer *t)
{
	struct seqset set;
	*t = (struct transfer){.s = s, .fd = -1};
	if (!parse_sp(p) || !parse_set(p, &set) || !parse_sp(p)) {
		reply_bad(s, "Message set and mailbox expected");
		return false;
	}
	if (!name_argument(s, p, &t->name))
		return false;
	if (!parse_end(p)) {
		reply_bad(s, "Message set and mailbox expected");
		return false;
	}
	if (!place_target(s, t->name, &t->to))
		return false;
	t->dir = t->to.source ? t->to.source : t->to.dir;
	t->trash = place_uncounted(&t->to);
	t->unnumbered = t->to.kind == PLACE_FILES;
	t->across =
	    t->unnumbered || s->box->kind == PLACE_FILES || strcmp(t->to.root, s->box->root) != 0;
	if (!pick(s, &set, &t->set))
		return false;
	t->fd = open(t->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (t->fd < 0)
		reply_errno(s, "Unable to open this mailbox");
	return t->fd >= 0;
}

static int64_t file_size(struct maildir_folder *f, size_t i)
{
	struct stat st;
	struct maildir_msg *m = &f->msgs.v[i];
	if (m->size == MAILDIR_SIZE_UNKNOWN && maildir_folder_stat_msg(f, i, &st) == 0)
		m->size = (uint64_t)st.st_size;
	return m->size == MAILDIR_SIZE_UNKNOWN ? 0 : (int64_t)m->size;
}

/* Flags that could not be set there do not come along (RFC 4314, section 4). */
static unsigned flags_there(const struct transfer *t, const struct maildir_msg *m)
{
	return t->unnumbered ? 0 : m->flags & flags_changeable(t->to.rights);
}

/* What the quota counts of the messages: in the target, and (for a move) in the source. */
static void count(struct transfer *t, bool in_source, int64_t *bytes, int64_t *n)
{
	struct maildir_folder *f = t->s->box->f;
	*bytes = *n = 0;
	if (in_source ? t->s->box->trash : t->trash)
		return;
	for (size_t k = 0; k < t->set.n; k++) {
		size_t i = t->set.v[k];
		unsigned flags = in_source ? f->msgs.v[i].flags : flags_there(t, &f->msgs.v[i]);
		if (f->msgs.v[i].gone || (flags & MAILDIR_TRASHED))
			continue;
		*bytes += file_size(f, i);
		++*n;
	}
}

static int copy_keywords(struct transfer *t, const struct maildir_msg *m, const char *name)
{
	struct maildir_name n;
	if (!m->keywords || t->unnumbered || !place_allows(t->s, &t->to, MAILDIR_MARK_OTHER) ||
	    !maildir_name_parse(str_of(name), &n))
		return 0;
	struct str *words = mem_alloc(m->keywords->n * sizeof *words);
	for (unsigned k = 0; k < m->keywords->n; k++)
		words[k] = str_of(t->s->box->f->words.v[m->keywords->v[k]]);
	int r = maildir_keywords_write(t->fd, n.base, words, m->keywords->n);
	free(words);
	return r;
}

static char *target_name(const struct transfer *t, const struct maildir_msg *m)
{
	char base[160], letters[MAILDIR_LETTERS_MAX + 1];
	struct maildir_name n;
	maildir_name_parse(str_of(m->name), &n);
	maildir_new_base(m->size, base);
	maildir_flags_letters(flags_there(t, m), t->across ? STR("") : n.letters, letters);
	return mem_printf("%s:2,%s", base, letters);
}

/*
 * A message never changes, so its copy is a further link to the file.  The file is synced: it may
 * be one whose delivery leaves that to the queue, and the copy must not depend on the original.
 */
static int link_one(struct transfer *t, size_t i)
{
	struct maildir_folder *f = t->s->box->f;
	char self[64];
	int fd = maildir_folder_open_msg(f, i);
	if (fd < 0)
		return -1;
	struct moved m = {
	    .index = (uint32_t)i, .from = f->msgs.v[i].uid, .name = target_name(t, &f->msgs.v[i])};
	char *tmp = mem_printf("tmp/%s", m.name);
	const struct maildir_msg *msg = &f->msgs.v[i];
	snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
	int r = t->across ? copy_across(fd, t->fd, tmp, t->unnumbered ? 0666 : 0600)
			  : file_sync_full(fd);
	if (r == 0 && !t->across)
		r = linkat(AT_FDCWD, self, t->fd, tmp, AT_SYMLINK_FOLLOW);
	if (r < 0 && !t->across)
		r = linkat(msg->in_new ? f->newfd : f->curfd, msg->name, t->fd, tmp, 0);
	int saved = errno;
	close(fd);
	free(tmp);
	errno = saved;
	if (r == 0)
		vec_push(&t->done, m);
	else
		free(m.name);
	return r;
}

static void undo_links(struct transfer *t, const char *where)
{
	int saved = errno;
	for (size_t k = 0; k < t->done.n; k++) {
		char *path = mem_printf("%s/%s", where, t->done.v[k].name);
		file_unlink(t->fd, path);
		free(path);
	}
	errno = saved;
}

static int link_all(struct transfer *t)
{
	for (size_t k = 0; k < t->set.n; k++) {
		size_t i = t->set.v[k];
		bool gone = t->s->box->f->msgs.v[i].gone;
		if (gone || link_one(t, i) < 0) {
			if (!gone && !t->s->box->f->msgs.v[i].gone)
				return -1;
			if (!t->s->uid) {
				errno = ENOENT;
				return -1;
			}
		}
	}
	return 0;
}

static struct maildir_uids *lock_target(struct transfer *t)
{
	return maildir_uids_begin(t->dir, t->s->cfg.use_locks ? MAILDIR_DOT_LOCK : 0);
}

static uint32_t number(struct maildir_uids *u, const char *name)
{
	struct maildir_name n;
	return maildir_name_parse(str_of(name), &n) ? maildir_uids_add(u, n.base) : 0;
}

/* All links show at once, under the lock that keeps others from numbering them. */
static int publish(struct transfer *t, struct maildir_uids *u)
{
	for (size_t k = 0; k < t->done.n; k++) {
		struct moved *m = &t->done.v[k];
		char *from = mem_printf("tmp/%s", m->name), *to = mem_printf("cur/%s", m->name);
		int r = copy_keywords(t, &t->s->box->f->msgs.v[m->index], m->name);
		if (r == 0)
			r = file_rename(t->fd, from, t->fd, to);
		free(from);
		free(to);
		if (r < 0)
			return -1;
		if (u)
			m->to = number(u, m->name);
	}
	return 0; /* commit syncs the directory */
}

static void add_uids(struct transfer *t, struct buf *out, bool target)
{
	for (size_t k = 0; k < t->done.n;) {
		size_t end = k + 1;
		const struct moved *v = t->done.v;
		uint32_t from = target ? v[k].to : v[k].from;
		while (end < t->done.n && (target ? v[end].to : v[end].from) == from + (end - k))
			end++;
		buf_addf(out, end - k > 1 ? "%s%u:%u" : "%s%u", k ? "," : "", from,
		    (uint32_t)(from + (end - k) - 1));
		k = end;
	}
}

static bool copyuid(struct transfer *t, uint32_t uidvalidity, struct buf *out)
{
	buf_addf(out, "[COPYUID %u ", uidvalidity);
	add_uids(t, out, false);
	buf_addc(out, ' ');
	add_uids(t, out, true);
	buf_addz(out, "] ");
	return !out->failed && t->done.n;
}

static void transfer_free(struct transfer *t)
{
	for (size_t k = 0; k < t->done.n; k++)
		free(t->done.v[k].name);
	vec_free(&t->done);
	if (t->fd >= 0)
		close(t->fd);
}

static int copy_unnumbered(struct transfer *t)
{
	if (publish(t, NULL) == 0 && file_sync_dir(t->fd, "cur") == 0)
		return 0;
	undo_links(t, "tmp");
	undo_links(t, "cur");
	return -1;
}

static int copy_all(struct transfer *t, struct buf *code)
{
	uint32_t uidvalidity;
	if (link_all(t) < 0) {
		undo_links(t, "tmp");
		return -1;
	}
	if (t->unnumbered)
		return copy_unnumbered(t);
	struct maildir_uids *u = lock_target(t);
	if (!u || publish(t, u) < 0) {
		undo_links(t, "tmp");
		undo_links(t, "cur");
		maildir_uids_abort(&u);
		return -1;
	}
	if (maildir_uids_commit(&u, &uidvalidity) < 0) {
		undo_links(t, "cur");
		return -1;
	}
	if (!copyuid(t, uidvalidity, code))
		buf_clear(code);
	return 0;
}

/* Room in the target, and mail for the Outbox sent.  False: reply made. */
static bool admit(struct transfer *t, int64_t bytes, int64_t n)
{
	if ((bytes > 0 || n > 0) && maildir_quota_check(t->to.root, bytes, n) < 0) {
		reply_no(t->s, "[OVERQUOTA] You exceeded your mail quota.");
		return false;
	}
	t->sent = name_is_outbox(t->s, t->name);
	return !t->sent || outbox_send_picked(t->s, &t->set);
}

/* What was sent must not be sent again, only because there is no copy of it. */
static void reply_failed(struct transfer *t, const char *what)
{
	if (!t->sent) {
		reply_errno(t->s, what);
		return;
	}
	log_error(NULL, "cannot keep a message that was sent, user=%s: %m", t->s->user);
	reply_ok(t->s, "[ALERT] The message was sent, but no copy could be kept");
}

void cmd_copy(struct session *s, struct parser *p)
{
	struct transfer t;
	struct buf code;
	int64_t bytes, n;
	buf_init(&code, 1 << 20);
	if (arguments(s, p, &t)) {
		count(&t, false, &bytes, &n);
		int r = admit(&t, bytes, n) ? copy_all(&t, &code) : -1;
		if (r == 0)
			reply_ok(s, "%sCOPY completed", code.p);
		else if (s->reply == REPLY_NONE)
			reply_failed(&t, "Cannot copy the messages");
		if (n && r == 0)
			maildir_quota_add(t.to.root, bytes, n);
	}
	buf_free(&code);
	transfer_free(&t);
}

/* ---- MOVE (RFC 6851) ---- */

static int move_one(struct transfer *t, struct maildir_uids *u, size_t i)
{
	struct maildir_folder *f = t->s->box->f;
	struct buf name;
	struct moved m = {.index = (uint32_t)i, .from = f->msgs.v[i].uid};
	buf_init(&name, 512);
	int r = maildir_folder_move(f, i, t->fd, flags_changeable(t->to.rights), &name);
	if (r == 0) {
		m.name = mem_strdup(name.p);
		if (copy_keywords(t, &f->msgs.v[i], m.name) < 0)
			log_warning(NULL, "cannot keep the keywords of a moved message: %m");
		m.to = number(u, m.name);
		vec_push(&t->done, m);
	}
	buf_free(&name);
	return r;
}

/* Each message is in one place or the other at any time; what cannot be moved stays. */
static int move_all(struct transfer *t, struct buf *code)
{
	uint32_t uidvalidity;
	int error = 0;
	struct maildir_uids *u = lock_target(t);
	if (!u)
		return -1;
	for (size_t k = 0; k < t->set.n && !error; k++) {
		size_t i = t->set.v[k];
		if (!t->s->box->f->msgs.v[i].gone && move_one(t, u, i) < 0 && errno != ENOENT)
			error = errno;
	}
	if (maildir_uids_commit(&u, &uidvalidity) < 0)
		error = error ? error : errno;
	else if (!copyuid(t, uidvalidity, code))
		buf_clear(code);
	errno = error;
	return error ? -1 : 0;
}

/* To another Maildir: a copy, and when it is sure the message goes here. */
static int remove_moved(struct transfer *t)
{
	struct maildir_folder *f = t->s->box->f;
	for (size_t k = 0; k < t->done.n; k++) {
		size_t i = t->done.v[k].index;
		if ((t->s->box->source && maildir_folder_remove_source(f, i) < 0) ||
		    maildir_folder_remove(f, i) < 0)
			return -1;
	}
	return 0;
}

static void move_across(struct transfer *t)
{
	struct session *s = t->s;
	struct buf code;
	int64_t in, nin, out, nout;
	count(t, false, &in, &nin);
	count(t, true, &out, &nout);
	if (!admit(t, in, nin))
		return;
	buf_init(&code, 1 << 20);
	int r = copy_all(t, &code);
	if (r == 0 && nin)
		maildir_quota_add(t->to.root, in, nin);
	if (r == 0 && code.n)
		io_putf(&s->io, "* OK %sMoved\r\n", code.p);
	if (r == 0)
		r = remove_moved(t);
	if (r < 0)
		reply_failed(t, "Cannot move all messages");
	else
		reply_ok(s, "MOVE completed");
	s->tell_modseq = r == 0 && t->done.n > 0;
	if (r == 0 && nout)
		maildir_quota_add(s->box->root, -out, -nout);
	buf_free(&code);
}

static void move(struct transfer *t)
{
	struct session *s = t->s;
	struct buf code;
	int64_t in, nin, out, nout;
	count(t, false, &in, &nin);
	count(t, true, &out, &nout);
	if (!admit(t, in - out, nin - nout))
		return;
	buf_init(&code, 1 << 20);
	int r = move_all(t, &code);
	if (code.n)
		io_putf(&s->io, "* OK %sMoved\r\n", code.p);
	if (r < 0)
		reply_failed(t, "Cannot move all messages");
	else
		reply_ok(s, "MOVE completed");
	s->tell_modseq = t->done.n > 0;
	if (nin != nout && t->done.n)
		maildir_quota_add(t->to.root, in - out, nin - nout);
	buf_free(&code);
}

void cmd_move(struct session *s, struct parser *p)
{
	struct transfer t;
	if (s->box->read_only) {
		reply_no(s, "[READ-ONLY] This mailbox was opened read-only");
		return;
	}
	if (!mailbox_may(s, MAILDIR_EXPUNGE) || !mailbox_may(s, MAILDIR_MARK_DELETE)) {
		reply_no(s, "[NOPERM] The rights \"e\" and \"t\" to this mailbox are missing");
		return;
	}
	if (arguments(s, p, &t)) {
		if (strcmp(t.name, s->box->name) == 0)
			reply_no(s, "[CANNOT] The messages are in this mailbox already");
		else if (t.across)
			move_across(&t);
		else
			move(&t);
	}
	transfer_free(&t);
}
