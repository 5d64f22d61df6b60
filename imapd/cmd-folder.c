/* CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE. */
#include "config.h"

#include "imapd/folders.h"

#include <errno.h>
#include <stdlib.h>

/* " mailbox"; the folder below INBOX.  False: reply made. */
static bool folder_argument(struct session *s, struct parser *p, char **name, const char **folder)
{
	if (!parse_sp(p)) {
		reply_bad(s, "Mailbox name expected");
		return false;
	}
	if (!name_argument(s, p, name))
		return false;
	size_t n = strlen(*name);
	if (n > 1 && (*name)[n - 1] == '.')
		(*name)[n - 1] = 0; /* a hint that there will be folders below it */
	*folder = name_folder(*name);
	return true;
}

/* The name and the end. */
static bool one_folder(struct session *s, struct parser *p, char **name, const char **folder)
{
	if (!folder_argument(s, p, name, folder))
		return false;
	if (!parse_end(p)) {
		reply_bad(s, "One mailbox name expected");
		return false;
	}
	if (!*folder)
		reply_no(s, "[CANNOT] Mailbox names start with INBOX. here");
	return *folder != NULL;
}

/* "(USE (\Drafts))" behind the name of CREATE; *use empty: nothing there.  False: reply made. */
static bool use_argument(struct session *s, struct parser *p, struct str *use)
{
	struct str uses[8];
	size_t n = 0;
	*use = STR_NONE;
	if (parse_sp(p) && p->rest.n &&
	    (!use_parse(p, uses, ARRAY_LEN(uses), &n) || !parse_end(p))) {
		reply_bad(s, "CREATE takes a mailbox name and (USE (\\Use))");
		return false;
	}
	if (n > 1 || (n && !special_use_known(uses[0]))) {
		reply_no(s, "[USEATTR] A mailbox cannot be created for that use");
		return false;
	}
	if (n)
		*use = uses[0];
	return true;
}

static void create(struct session *s, const char *folder, struct str use)
{
	if (maildir_make_folder(".", folder) < 0) {
		reply_errno(s, "Cannot create this mailbox");
	} else if (use.n && special_use_add(folder, use) < 0) {
		reply_errno(s, "Cannot keep the mailbox's use");
		maildir_delete_folder(".", folder);
	} else {
		reply_ok(s, "\"%s\" created.", folder);
	}
}

void cmd_create(struct session *s, struct parser *p)
{
	char *name;
	const char *folder;
	struct str use;
	if (!folder_argument(s, p, &name, &folder) || !use_argument(s, p, &use))
		return;
	if (!parse_end(p))
		reply_bad(s, "One mailbox name expected");
	else if (!folder)
		reply_no(s, "[CANNOT] Mailbox names start with INBOX. here");
	else if (!*folder)
		reply_no(s, "[ALREADYEXISTS] INBOX exists");
	else
		create(s, folder, use);
}

/* The quota forgets what goes with a folder. */
static int64_t folder_usage(const char *dir, int64_t *count)
{
	int64_t bytes = 0;
	struct maildir_folder *f =
	    maildir_folder_open(dir, MAILDIR_READ_ONLY | MAILDIR_NO_KEYWORDS);
	*count = 0;
	if (f && maildir_folder_sync(f, true) >= 0)
		for (size_t i = 0; i < f->msgs.n; i++)
			if (!(f->msgs.v[i].flags & MAILDIR_TRASHED)) {
				bytes += f->msgs.v[i].size == MAILDIR_SIZE_UNKNOWN
					     ? 0
					     : (int64_t)f->msgs.v[i].size;
				++*count;
			}
	maildir_folder_close(&f);
	return bytes;
}

/* A name without its folder does no harm: only the log hears of it. */
static void forget_use(const char *folder, const char *to)
{
	if (special_use_move(folder, to) < 0)
		log_warning(NULL, "cannot change the use of folder '%s': %m", folder);
}

void cmd_delete(struct session *s, struct parser *p)
{
	char *name;
	const char *folder;
	int64_t count, bytes;
	if (!one_folder(s, p, &name, &folder))
		return;
	if (!*folder) {
		reply_no(s, "[CANNOT] INBOX cannot be deleted");
		return;
	}
	if (s->box && strcmp(s->box->name, name) == 0) {
		reply_no(s, "[INUSE] This mailbox is selected");
		return;
	}
	char *dir = name_dir(s, name);
	bytes = folder_usage(dir, &count);
	if (maildir_delete_folder(".", folder) < 0) {
		reply_errno(s, "Cannot delete this mailbox");
		return;
	}
	if (!name_is_trash(s, name) && count)
		maildir_quota_add(".", -bytes, -count);
	forget_use(folder, NULL);
	reply_ok(s, "Folder deleted.");
}

static bool below(const char *name, const char *parent)
{
	size_t n = strlen(parent);
	return strncmp(name, parent, n) == 0 && name[n] == '.';
}

/* All or nothing as far as that goes: every target must be free before the first rename. */
static int rename_all(struct session *s, const char *from, const char *to, const maildir_list *all)
{
	bool any = false;
	size_t n = strlen(from);
	for (int go = 0; go < 2; go++)
		for (size_t i = 0; i < all->n; i++) {
			const char *name = all->v[i];
			if (strcmp(name, from) != 0 && !below(name, from))
				continue;
			any = true;
			char *target = arena_printf(s->arena, "%s%s", to, name + n);
			char *path = target ? arena_printf(s->arena, "./.%s", target) : NULL;
			if (!path || !maildir_folder_ok(str_of(target))) {
				errno = EINVAL;
				return -1;
			}
			if (go == 0 && maildir_exists(path)) {
				errno = EEXIST;
				return -1;
			}
			if (go == 1 && maildir_rename_folder(".", name, target) < 0)
				return -1;
			if (go == 1)
				forget_use(name, target);
		}
	errno = ENOENT;
	return any ? 0 : -1;
}

/* RENAME of INBOX moves its messages to a new folder (RFC 3501, 6.3.5). */
static int rename_inbox(struct session *s, const char *to)
{
	struct buf name;
	if (maildir_make_folder(".", to) < 0)
		return -1;
	struct maildir_folder *f =
	    maildir_folder_open(".", s->cfg.use_locks ? MAILDIR_DOT_LOCK : 0);
	struct maildir_folder *t = maildir_folder_open(arena_printf(s->arena, "./.%s", to), 0);
	int r = f && t ? maildir_folder_sync(f, true) : -1;
	buf_init(&name, 512);
	for (size_t i = 0; r >= 0 && i < f->msgs.n; i++)
		if (maildir_folder_move(f, i, t->fd, &name) < 0 && errno != ENOENT)
			r = -1;
	buf_free(&name);
	if (r >= 0)
		r = file_sync_dir(t->fd, "cur") < 0 || file_sync_dir(f->fd, "cur") < 0 ? -1 : 0;
	maildir_folder_close(&t);
	maildir_folder_close(&f);
	return r < 0 ? -1 : 0;
}

void cmd_rename(struct session *s, struct parser *p)
{
	char *from, *to;
	const char *source, *target;
	maildir_list all = {0};
	if (!parse_sp(p)) {
		reply_bad(s, "Mailbox name expected");
		return;
	}
	if (!name_argument(s, p, &from) || !one_folder(s, p, &to, &target))
		return;
	source = name_folder(from);
	if (!source || !*target || below(target, source)) {
		reply_no(s, "[CANNOT] This mailbox cannot be renamed so");
		return;
	}
	int r = maildir_list_folders(".", &all);
	if (r == 0)
		r = *source ? rename_all(s, source, target, &all) : rename_inbox(s, target);
	if (r < 0)
		reply_errno(s, "Cannot rename this mailbox");
	else
		reply_ok(s, "Folder renamed.");
	maildir_list_free(&all);
}

static void subscribe(struct session *s, struct parser *p, bool on)
{
	char *name;
	const char *folder;
	if (!one_folder(s, p, &name, &folder))
		return;
	if (on && !maildir_exists(name_dir(s, name))) {
		reply_no(s, "[NONEXISTENT] There is no such mailbox");
		return;
	}
	if (maildir_subscribe(".", name, on) < 0)
		reply_errno(s, "Cannot change the subscriptions");
	else
		reply_ok(s, "Folder %ssubscribed.", on ? "" : "un");
}

void cmd_subscribe(struct session *s, struct parser *p)
{
	subscribe(s, p, true);
}

void cmd_unsubscribe(struct session *s, struct parser *p)
{
	subscribe(s, p, false);
}
