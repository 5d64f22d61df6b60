/* From a mailbox's name to a folder on disk, and what the session may do there. */
#include "config.h"

#include "imapd/share-private.h"

#include <stdio.h>
#include <unistd.h>

static const struct maildir_identity nobody;

static bool prefix(const char *name, const char *before, const char **rest)
{
	size_t n = strlen(before);
	*rest = name + n;
	return strncmp(name, before, n) == 0;
}

static unsigned rights_of(const char *letters)
{
	unsigned r;
	maildir_rights_parse(str_of(letters), &r);
	return r;
}

/* The list decides; one that cannot be read gives nothing, except to the owner what can't be taken
 * away. */
static unsigned listed_rights(struct session *s, const struct place *p)
{
	struct maildir_acl acl = {0};
	bool own = p->kind == PLACE_OWN;
	unsigned rights = own ? rights_of("al") : 0;
	if (maildir_acl_load(p->root, p->folder, &acl) == 0)
		rights = maildir_identity_rights(s->share ? &s->share->who : &nobody, own, &acl);
	else
		log_warning(
		    NULL, "cannot read the access list of '%s', user=%s: %m", p->name, s->user);
	maildir_acl_free(&acl);
	return rights;
}

/* Nobody administers or creates here, and to delete is to give the copy back: the file system says
 * who may write. */
static unsigned files_rights(const struct place *p)
{
	char cur[MAILDIR_NAME_MAX * 2 + 4096];
	if (snprintf(cur, sizeof cur, "%s/cur", p->source) >= (int)sizeof cur ||
	    access(cur, R_OK | X_OK) < 0)
		return 0;
	return rights_of(access(cur, W_OK) == 0 ? "lrswteix" : "lrswtx");
}

unsigned place_rights(struct session *s, const struct place *p)
{
	return p->kind == PLACE_FILES ? files_rights(p) : listed_rights(s, p);
}

static bool finish(struct session *s, struct place *p)
{
	const char *where = p->source ? p->source : p->dir;
	if (!where || !p->root)
		return false;
	p->exists = maildir_exists(where);
	p->rights = place_rights(s, p);
	return true;
}

static bool find_own(struct session *s, const char *name, struct place *p)
{
	p->folder = name_folder(name);
	if (!p->folder)
		return false;
	p->root = ".";
	p->dir = name_dir(s, name);
	return finish(s, p);
}

/* "ACCOUNT.FOLDER", where the account's name may have dots: the first that there is counts. */
static bool find_shared(struct session *s, const char *rest, struct place *p)
{
	size_t n = 0;
	p->kind = PLACE_SHARED;
	for (;;) {
		n += strcspn(rest + n, ".");
		p->root = map_get(s->share->by_name, (struct str){rest, n});
		if (p->root || !rest[n])
			break;
		n++;
	}
	if (!p->root)
		return false;
	p->folder = rest[n] ? rest + n + 1 : "";
	if (rest[n] && !maildir_folder_ok(str_of(p->folder)))
		return false;
	p->dir = *p->folder ? arena_printf(s->arena, "%s/.%s", p->root, p->folder) : p->root;
	return finish(s, p);
}

static bool find_files(struct session *s, const char *rest, struct place *p)
{
	size_t n = strcspn(rest, ".");
	p->kind = PLACE_FILES;
	p->root = share_sharable(s->share, (struct str){rest, n});
	if (!p->root || !rest[n] || !maildir_folder_ok(str_of(rest + n + 1)))
		return false;
	p->folder = rest + n + 1;
	p->source = arena_printf(s->arena, "%s/.%s", p->root, p->folder);
	/* the original's documents and the original itself do not agree on the dot */
	struct str nick = {rest, n};
	p->dir = arena_printf(s->arena, "shared-folders/%.*s/.%s", STR_FMT(nick), p->folder);
	if (p->dir && access(p->dir, F_OK) < 0)
		p->dir = arena_printf(s->arena, "shared-folders/%.*s/%s", STR_FMT(nick), p->folder);
	return p->dir && finish(s, p);
}

bool place_find(struct session *s, const char *name, struct place *out)
{
	const char *rest;
	*out = (struct place){.name = arena_printf(s->arena, "%s", name)};
	if (!out->name)
		return false;
	if (s->share && prefix(out->name, "#shared.", &rest))
		return find_shared(s, rest, out);
	if (s->share && prefix(out->name, "shared.", &rest))
		return find_files(s, rest, out);
	return find_own(s, out->name, out);
}

bool place_above(struct session *s, const struct place *p, struct place *out)
{
	const char *dot = strrchr(p->name, '.');
	if (!*p->folder || p->kind == PLACE_FILES || !dot)
		return place_find(s, p->name, out);
	char *name = arena_printf(s->arena, "%.*s", (int)(dot - p->name), p->name);
	return name && place_find(s, name, out);
}

bool place_allows(struct session *s, const struct place *p, enum maildir_action what)
{
	(void)s;
	return maildir_access_rights(p->rights, what) == MAILDIR_ALLOW;
}

bool share_visible(struct session *s, const char *name)
{
	struct place p;
	return place_find(s, name, &p) && p.exists && place_allows(s, &p, MAILDIR_LOOKUP);
}

bool place_uncounted(const struct place *p)
{
	return p->kind == PLACE_FILES || maildir_is_trash(p->dir);
}

void reply_no_mailbox(struct session *s)
{
	reply_no(s, "[NONEXISTENT] There is no such mailbox");
}

bool place_open(struct session *s, const char *name, enum maildir_action what, struct place *out)
{
	if (!place_find(s, name, out)) {
		reply_no_mailbox(s);
		return false;
	}
	enum maildir_verdict v = maildir_access_rights(out->rights, what);
	if (v == MAILDIR_HIDE || !out->exists)
		reply_no_mailbox(s);
	else if (v == MAILDIR_DENY)
		reply_no(s, "[NOPERM] The right \"%c\" to this mailbox is missing",
		    maildir_action_letter(what));
	else
		return true;
	return false;
}

bool place_target(struct session *s, const char *name, struct place *out)
{
	if (place_open(s, name, MAILDIR_INSERT, out))
		return true;
	if (str_starts(buf_str(&s->text), STR("[NONEXISTENT]")))
		reply_no(s, "[TRYCREATE] There is no such mailbox");
	return false;
}

bool place_create_allowed(struct session *s, const char *name, struct place *out)
{
	struct place above;
	if (place_find(s, name, out) && place_above(s, out, &above) &&
	    place_allows(s, &above, MAILDIR_CREATE))
		return true;
	reply_no(s, "[NOPERM] The right \"c\" to create a mailbox there is missing");
	return false;
}
