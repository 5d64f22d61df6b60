/* Removing messages: EXPUNGE, the way through Trash, and the purge of old mail in it. */
#include "config.h"

#include "imapd/share.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static int open_trash(struct session *s)
{
	char *dir = arena_printf(s->arena, "./.%s", s->cfg.trash);
	if (!dir ||
	    (!maildir_exists(dir) && maildir_make_folder(".", s->cfg.trash) < 0 && errno != EEXIST))
		return -1;
	return open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int trash_take(struct session *s, size_t i)
{
	struct buf name;
	int fd = open_trash(s);
	if (fd < 0)
		return -1;
	buf_init(&name, 512);
	/* it is meant to be kept there for a while: not marked as deleted */
	int r = maildir_folder_move(s->box->f, i, fd, ~(unsigned)MAILDIR_TRASHED, &name);
	int saved = errno;
	buf_free(&name);
	close(fd);
	errno = saved;
	return r;
}

static int remove_one(struct session *s, size_t i)
{
	struct maildir_msg *m = &s->box->f->msgs.v[i];
	if (s->cfg.log_deletions)
		log_info(
		    NULL, "DELETED, user=%s, mailbox=%s, file=%s", s->user, s->box->name, m->name);
	if (s->box->source && maildir_folder_remove_source(s->box->f, i) < 0)
		return -1;
	if (s->cfg.move_expunge_to_trash && s->box->kind == PLACE_OWN && !s->box->trash &&
	    *s->cfg.trash)
		return trash_take(s, i) < 0 && errno != ENOENT ? -1 : 0;
	return maildir_folder_remove(s->box->f, i);
}

int expunge_deleted(struct session *s, const struct seqset *uids)
{
	struct maildir_folder *f = s->box->f;
	uint32_t max = s->box->announced ? f->msgs.v[s->box->announced - 1].uid : 0;
	for (size_t i = 0; i < s->box->announced; i++) {
		struct maildir_msg *m = &f->msgs.v[i];
		if (m->gone || !(m->flags & MAILDIR_TRASHED) ||
		    (uids && !set_has(uids, m->uid, max)))
			continue;
		/* messages marked as deleted are not in the quota any more */
		if (remove_one(s, i) < 0)
			return -1;
	}
	return 0;
}

void cmd_expunge(struct session *s, struct parser *p)
{
	struct seqset set;
	bool with_set = s->uid;
	if (with_set && (!parse_sp(p) || !parse_set(p, &set))) {
		reply_bad(s, "UID EXPUNGE takes a set of UIDs");
		return;
	}
	if (!parse_end(p)) {
		reply_bad(s, "EXPUNGE takes no argument");
		return;
	}
	if (s->box->read_only)
		reply_no(s, "[READ-ONLY] This mailbox was opened read-only");
	else if (!mailbox_may(s, MAILDIR_EXPUNGE))
		reply_no(s, "[NOPERM] The right \"e\" to this mailbox is missing");
	else if (expunge_deleted(s, !with_set ? NULL : set.saved ? &s->saved : &set) < 0)
		reply_errno(s, "Cannot remove all deleted messages");
	else
		reply_ok(s, "EXPUNGE completed");
	s->tell_modseq = true;
}

static void purge_folder(struct session *s, const char *folder, int64_t days)
{
	struct stat st;
	int64_t limit = clock_now() - days * 86400, bytes = 0, count = 0;
	char *dir = arena_printf(s->arena, "./.%s", folder);
	struct maildir_folder *f =
	    dir && maildir_exists(dir) ? maildir_folder_open(dir, MAILDIR_NO_KEYWORDS) : NULL;
	if (!f || maildir_folder_sync(f, true) < 0) {
		maildir_folder_close(&f);
		return;
	}
	for (size_t i = 0; i < f->msgs.n; i++) {
		if (maildir_folder_stat_msg(f, i, &st) < 0 || st.st_ctime >= limit)
			continue;
		bool counted = !(f->msgs.v[i].flags & MAILDIR_TRASHED);
		if (maildir_folder_remove(f, i) == 0 && counted) {
			bytes += st.st_size;
			count++;
		}
	}
	maildir_folder_close(&f);
	if (count && strcmp(folder, s->cfg.trash) != 0)
		maildir_quota_add(".", -bytes, -count);
}

void trash_purge(struct session *s)
{
	struct str rest = str_of(s->cfg.empty_trash), item, folder;
	while (str_split(&rest, ',', &item)) {
		uint64_t days;
		item = str_trim(item);
		if (!str_split(&item, ':', &folder) || !str_u64(item, &days) || days > 36500)
			continue;
		if (str_istarts(folder, STR("INBOX.")))
			folder = str_skip(folder, 6);
		char *name = arena_strz(s->arena, folder);
		if (name && maildir_folder_ok(folder))
			purge_folder(s, name, (int64_t)days);
	}
}
