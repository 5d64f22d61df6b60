/* CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE. */
#include "config.h"

#include "imapd/folders.h"
#include "imapd/share.h"

#include <errno.h>
#include <limits.h>
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

/* One of the name spaces; whether it is somebody's is another question.  False: reply made. */
static bool name_of_somebody(struct session *s, const char *name, const char *folder)
{
	bool ok = folder || strncmp(name, "#shared.", 8) == 0 || strncmp(name, "shared.", 7) == 0;
	if (!ok)
		reply_no(s, "[CANNOT] Mailbox names start with INBOX. here");
	return ok;
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
	return name_of_somebody(s, *name, *folder);
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

/* The new folder has the list of the one above from now on, whatever becomes of that. */
static int make_with_list(const struct place *p)
{
	struct maildir_acl acl = {0};
	int r = maildir_acl_load(p->root, p->folder, &acl);
	if (r == 0)
		r = maildir_make_folder(p->root, p->folder);
	if (r == 0 && maildir_acl_save(p->root, p->folder, &acl) < 0) {
		int saved = errno;
		maildir_delete_folder(p->root, p->folder);
		errno = saved;
		r = -1;
	}
	maildir_acl_free(&acl);
	return r;
}

static void create(struct session *s, const struct place *where, struct str use)
{
	const char *folder = where->folder;
	if (use.n && where->kind != PLACE_OWN) {
		reply_no(s, "[USEATTR] Uses are for mailboxes of one's own");
	} else if (make_with_list(where) < 0) {
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
	struct place where;
	struct str use;
	if (!folder_argument(s, p, &name, &folder) || !use_argument(s, p, &use))
		return;
	if (!parse_end(p))
		reply_bad(s, "One mailbox name expected");
	else if (name_of_somebody(s, name, folder) && place_create_allowed(s, name, &where)) {
		if (!*where.folder)
			reply_no(s, "[ALREADYEXISTS] This mailbox exists");
		else
			create(s, &where, use);
	}
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

/* DELETE of a folder shared by file permissions takes its copy away, as UNSUBSCRIBE does. */
static bool unsubscribed_files(struct session *s, const char *name)
{
	struct place p;
	if (!place_find(s, name, &p) || p.kind != PLACE_FILES || !files_subscribed(&p))
		return false;
	if (files_unsubscribe(&p) < 0)
		reply_errno(s, "Cannot remove the copy of this folder");
	else
		reply_ok(s, "Folder unsubscribed.");
	return true;
}

static void delete_folder(struct session *s, const struct place *where)
{
	int64_t count, bytes = folder_usage(where->dir, &count);
	bool counted = !place_uncounted(where);
	if (maildir_delete_folder(where->root, where->folder) < 0) {
		reply_errno(s, "Cannot delete this mailbox");
		return;
	}
	if (counted && count)
		maildir_quota_add(where->root, -bytes, -count);
	if (where->kind == PLACE_OWN)
		forget_use(where->folder, NULL);
	reply_ok(s, "Folder deleted.");
}

void cmd_delete(struct session *s, struct parser *p)
{
	char *name;
	const char *folder;
	struct place where;
	if (!one_folder(s, p, &name, &folder) || unsubscribed_files(s, name) ||
	    !place_open(s, name, MAILDIR_DELETE, &where))
		return;
	if (!*where.folder || where.kind == PLACE_FILES) {
		reply_no(s, "[CANNOT] %s cannot be deleted",
		    *where.folder ? "What is not subscribed" : "INBOX");
		return;
	}
	if (s->box && strcmp(s->box->name, name) == 0) {
		reply_no(s, "[INUSE] This mailbox is selected");
		return;
	}
	delete_folder(s, &where);
}

static bool below(const char *name, const char *parent)
{
	size_t n = strlen(parent);
	return strncmp(name, parent, n) == 0 && name[n] == '.';
}

/* What a folder is called decides nothing: its list goes with it, even one that it has from above.
 */
static int keep_list(const char *root, const char *folder)
{
	struct maildir_acl acl = {0};
	int r = maildir_acl_load(root, folder, &acl);
	if (r == 0)
		r = maildir_acl_save(root, folder, &acl);
	maildir_acl_free(&acl);
	return r;
}

/* All or nothing as far as that goes: every target must be free before the first rename. */
static int rename_all(struct session *s, const struct place *source, const struct place *goal,
    const maildir_list *all)
{
	const char *root = source->root, *from = source->folder, *to = goal->folder;
	bool any = false;
	size_t n = strlen(from);
	for (int go = 0; go < 2; go++)
		for (size_t i = 0; i < all->n; i++) {
			const char *name = all->v[i];
			if (strcmp(name, from) != 0 && !below(name, from))
				continue;
			any = true;
			char *target = arena_printf(s->arena, "%s%s", to, name + n);
			char *path = target ? arena_printf(s->arena, "%s/.%s", root, target) : NULL;
			if (!path || !maildir_folder_ok(str_of(target))) {
				errno = EINVAL;
				return -1;
			}
			if (go == 0 && maildir_exists(path)) {
				errno = EEXIST;
				return -1;
			}
			if (go == 1 && (keep_list(root, name) < 0 ||
					   maildir_rename_folder(root, name, target) < 0))
				return -1;
			if (go == 1 && source->kind == PLACE_OWN)
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
		if (maildir_folder_move(f, i, t->fd, UINT_MAX, &name) < 0 && errno != ENOENT)
			r = -1;
	buf_free(&name);
	if (r >= 0)
		r = file_sync_dir(t->fd, "cur") < 0 || file_sync_dir(f->fd, "cur") < 0 ? -1 : 0;
	maildir_folder_close(&t);
	maildir_folder_close(&f);
	return r < 0 ? -1 : 0;
}

/* The right to the old name is asked first, and then to the new one; only who has both hears more.
 */
static bool may_rename(
    struct session *s, const char *from, const char *to, struct place *source, struct place *goal)
{
	bool known = place_find(s, from, source);
	enum maildir_verdict v =
	    known ? maildir_access_rights(source->rights, MAILDIR_DELETE) : MAILDIR_HIDE;
	if (v == MAILDIR_HIDE)
		reply_no_mailbox(s);
	else if (v == MAILDIR_DENY)
		reply_no(s, "[NOPERM] The right \"x\" to this mailbox is missing");
	if (v != MAILDIR_ALLOW || !place_create_allowed(s, to, goal))
		return false;
	if (strcmp(source->root, goal->root) != 0 || source->kind != goal->kind)
		reply_no(s, "[CANNOT] A mailbox cannot be moved to another account");
	else if (!*goal->folder || below(goal->folder, source->folder) ||
		 (!*source->folder && source->kind != PLACE_OWN))
		reply_no(s, "[CANNOT] This mailbox cannot be renamed so");
	else
		return true;
	return false;
}

void cmd_rename(struct session *s, struct parser *p)
{
	char *from, *to;
	const char *target;
	struct place source, goal;
	maildir_list all = {0};
	if (!parse_sp(p)) {
		reply_bad(s, "Mailbox name expected");
		return;
	}
	if (!name_argument(s, p, &from) || !one_folder(s, p, &to, &target))
		return;
	if (!may_rename(s, from, to, &source, &goal))
		return;
	int r = maildir_list_folders(source.root, &all);
	if (r == 0)
		r = *source.folder ? rename_all(s, &source, &goal, &all)
				   : rename_inbox(s, goal.folder);
	if (r < 0 && errno == ENOENT)
		reply_no_mailbox(s);
	else if (r < 0)
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
	struct place where;
	if (on && !place_open(s, name, MAILDIR_LOOKUP, &where))
		return;
	if (on && where.kind == PLACE_FILES) {
		if (files_sync(&where) < 0)
			reply_errno(s, "Cannot make a copy of this folder");
		else
			reply_ok(s, "Folder subscribed.");
		return;
	}
	if (!on && unsubscribed_files(s, name))
		return;
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
