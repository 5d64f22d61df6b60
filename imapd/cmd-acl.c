/*
 * GETACL, SETACL, DELETEACL, LISTRIGHTS and MYRIGHTS (RFC 4314 with the letters of RFC 2086), and
 * the commands of the draft that became neither (ACL2=UNION): ACL STORE and ACL DELETE.
 */
#include "config.h"

#include "imapd/share.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { PLACES_MAX = 100, CHANGES_MAX = 100 };

struct change {
	struct str who;
	char how; /* '=', '+', '-'; 'x' takes the entry away */
	unsigned rights;
};

static bool switched_off(struct session *s)
{
	if (!s->cfg.acl)
		reply_bad(s, "Access lists are switched off here");
	return !s->cfg.acl;
}

/* RFC 2086 knows names; a name that is none of the special ones is a user's. */
static bool parse_who(struct session *s, struct parser *p, struct str *out)
{
	struct str who;
	if (!parse_sp(p) || !parse_astring(p, &who)) {
		reply_bad(s, "Identifier expected");
		return false;
	}
	bool minus = who.n && who.p[0] == '-';
	struct str name = str_skip(who, minus ? 1 : 0);
	if (name.n && !maildir_acl_who_ok(name)) {
		char *user = arena_printf(s->arena, "%suser=%.*s", minus ? "-" : "", STR_FMT(name));
		who = str_of(user ? user : "");
	}
	*out = who;
	if (maildir_acl_who_ok(who) && who.n <= MAILDIR_ACL_WHO_MAX)
		return true;
	reply_bad(s, "This identifier is not valid");
	return false;
}

static bool parse_rights(struct session *s, struct parser *p, struct change *c)
{
	struct str text;
	char plain[64];
	if (!parse_sp(p) || !parse_astring(p, &text) || text.n >= sizeof plain) {
		reply_bad(s, "Rights expected");
		return false;
	}
	c->how = text.n && (text.p[0] == '+' || text.p[0] == '-') ? text.p[0] : '=';
	text = str_skip(text, c->how == '=' ? 0 : 1);
	/* RFC 4314 has "k" for what "c" is here */
	for (size_t i = 0; i < text.n; i++)
		plain[i] = text.p[i] == 'k' ? 'c' : text.p[i];
	if (maildir_rights_parse((struct str){plain, text.n}, &c->rights))
		return true;
	reply_bad(s, "The rights are a c d e i k l r s t w x");
	return false;
}

/* " mailbox"; the end is the caller's. */
static bool mailbox_argument(struct session *s, struct parser *p, char **name)
{
	if (switched_off(s))
		return false;
	if (!parse_sp(p)) {
		reply_bad(s, "Mailbox name expected");
		return false;
	}
	return name_argument(s, p, name);
}

static bool at_end(struct session *s, struct parser *p)
{
	if (parse_end(p))
		return true;
	reply_bad(s, "Too many arguments");
	return false;
}

static void put_quoted(struct session *s, const char *text)
{
	put_string(s, str_of(text));
}

static void put_old(struct session *s, unsigned rights, bool partial)
{
	char text[MAILDIR_RIGHTS_OLD_SIZE];
	maildir_rights_old(rights, partial, text);
	io_putf(&s->io, "\"%s\"", text);
}

/* "user=bob" is "bob" to clients of RFC 2086. */
static void put_entry(struct session *s, const struct maildir_acl_entry *e)
{
	bool minus = e->who[0] == '-';
	const char *name = e->who + minus;
	io_putz(&s->io, " ");
	if (strncmp(name, "user=", 5) == 0) {
		char *plain = arena_printf(s->arena, "%s%s", minus ? "-" : "", name + 5);
		put_quoted(s, plain ? plain : e->who);
	} else {
		put_quoted(s, e->who);
	}
	io_putz(&s->io, " ");
	put_old(s, e->rights, false);
}

void cmd_getacl(struct session *s, struct parser *p)
{
	char *name;
	struct place where;
	struct maildir_acl acl = {0};
	if (!mailbox_argument(s, p, &name) || !at_end(s, p) ||
	    !place_open(s, name, MAILDIR_ADMINISTER, &where))
		return;
	if (maildir_acl_load(where.root, where.folder, &acl) < 0) {
		reply_errno(s, "Cannot read the access list");
	} else {
		io_putz(&s->io, "* ACL ");
		put_name(s, name);
		for (size_t i = 0; i < acl.entries.n; i++)
			put_entry(s, &acl.entries.v[i]);
		io_putz(&s->io, "\r\n");
		reply_ok(s, "GETACL completed.");
	}
	maildir_acl_free(&acl);
}

/* ---- changes ---- */

/* NULL: done; otherwise why not, in words for the client. */
static const char *apply(
    const struct place *where, struct maildir_acl *acl, const struct change *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (v[i].how == 'x')
			maildir_acl_remove(acl, v[i].who);
		else if (!maildir_acl_change(acl, v[i].who, v[i].how, v[i].rights))
			return "[LIMIT] The access list is full";
	}
	for (size_t i = acl->entries.n; i-- > 0;)
		if (!acl->entries.v[i].rights)
			maildir_acl_remove(acl, str_of(acl->entries.v[i].who));
	const char *fault = maildir_acl_fault(acl);
	if (fault)
		return *fault == 'o'
			   ? "[CANNOT] The owner's rights \"a\" and \"l\" cannot be taken away"
			   : "[CANNOT] The administrators' rights cannot be taken away";
	return maildir_acl_save(where->root, where->folder, acl) < 0
		   ? "[SERVERBUG] The access list cannot be written"
		   : NULL;
}

/* Under a lock, so that of two changes at once none is lost. */
static const char *change(const struct place *where, const struct change *v, size_t n)
{
	struct maildir_acl acl = {0};
	struct maildir_lock lock;
	const char *why = "[UNAVAILABLE] The access list cannot be read";
	int fd = open(where->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 && maildir_lock_take(&lock, fd, false) == 0) {
		if (maildir_acl_load(where->root, where->folder, &acl) == 0)
			why = apply(where, &acl, v, n);
		maildir_lock_drop(&lock);
	}
	if (fd >= 0)
		close(fd);
	maildir_acl_free(&acl);
	return why;
}

static void change_one(struct session *s, const char *name, const struct change *c)
{
	struct place where;
	if (!place_open(s, name, MAILDIR_ADMINISTER, &where))
		return;
	const char *why = change(&where, c, 1);
	if (why)
		reply_no(s, "%s", why);
	else
		reply_ok(s, "ACLs updated.");
}

void cmd_setacl(struct session *s, struct parser *p)
{
	char *name;
	struct change c;
	if (mailbox_argument(s, p, &name) && parse_who(s, p, &c.who) && parse_rights(s, p, &c) &&
	    at_end(s, p))
		change_one(s, name, &c);
}

void cmd_deleteacl(struct session *s, struct parser *p)
{
	char *name;
	struct change c = {.how = 'x'};
	if (mailbox_argument(s, p, &name) && parse_who(s, p, &c.who) && at_end(s, p))
		change_one(s, name, &c);
}

/* ---- questions ---- */

/* What somebody has in any case, and what else can be given one by one. */
void cmd_listrights(struct session *s, struct parser *p)
{
	char *name;
	struct str who;
	struct place where;
	if (!mailbox_argument(s, p, &name) || !parse_who(s, p, &who) || !at_end(s, p) ||
	    !place_open(s, name, MAILDIR_ADMINISTER, &where))
		return;
	bool all = str_is(who, "administrators") || str_is(who, "group=administrators");
	const char *always = all ? "acdilrsw" : str_is(who, "owner") ? "al" : "";
	io_putz(&s->io, "* LISTRIGHTS ");
	put_name(s, name);
	io_putz(&s->io, " ");
	put_string(s, str_starts(who, STR("user=")) ? str_skip(who, 5) : who);
	io_putf(&s->io, " \"%s\"", always);
	for (const char *l = "acdilrsw"; *l; l++)
		if (!strchr(always, *l))
			io_putf(&s->io, " %c", *l);
	io_putz(&s->io, "\r\n");
	reply_ok(s, "LISTRIGHTS completed.");
}

void cmd_myrights(struct session *s, struct parser *p)
{
	char *name;
	struct place where;
	if (!mailbox_argument(s, p, &name) || !at_end(s, p) ||
	    !place_open(s, name, MAILDIR_ASK_RIGHTS, &where))
		return;
	io_putz(&s->io, "* MYRIGHTS ");
	put_name(s, name);
	io_putz(&s->io, " ");
	put_old(s, where.rights, false);
	io_putz(&s->io, "\r\n");
	reply_ok(s, "MYRIGHTS completed.");
}

/* ---- ACL STORE (mailboxes) identifier rights ...; ACL DELETE (mailboxes) identifier ... ---- */

static bool mailbox_list(struct session *s, struct parser *p, char **names, size_t *n)
{
	*n = 0;
	if (!parse_sp(p)) {
		reply_bad(s, "Mailbox name expected");
		return false;
	}
	if (!parse_char(p, '('))
		return name_argument(s, p, &names[(*n)++]);
	do {
		if (*n == PLACES_MAX) {
			reply_bad(s, "[LIMIT] Too many mailboxes at once");
			return false;
		}
		if (!name_argument(s, p, &names[(*n)++]))
			return false;
	} while (parse_sp(p));
	if (parse_char(p, ')'))
		return true;
	reply_bad(s, "The list of mailboxes does not end");
	return false;
}

static bool changes(struct session *s, struct parser *p, bool store, struct change *v, size_t *n)
{
	*n = 0;
	do {
		struct change *c = &v[*n];
		if (*n == CHANGES_MAX) {
			reply_bad(s, "[LIMIT] Too many changes at once");
			return false;
		}
		c->how = 'x';
		if (!parse_who(s, p, &c->who) || (store && !parse_rights(s, p, c)))
			return false;
		++*n;
	} while (p->rest.n);
	return at_end(s, p);
}

static bool change_listed(struct session *s, const char *name, const struct change *v, size_t n)
{
	struct place where;
	bool found = place_open(s, name, MAILDIR_ADMINISTER, &where);
	const char *why = found ? change(&where, v, n) : NULL;
	if (found && !why) {
		io_putf(&s->io, "* LIST () \".\" ");
		put_name(s, name);
		acl_items_put(s, name, LIST_ACL);
		io_putz(&s->io, "\r\n");
		return true;
	}
	io_putz(&s->io, "* ACLFAILED ");
	put_name(s, name);
	io_putf(&s->io, " %s\r\n", why ? why : s->text.p);
	return false;
}

void cmd_acl(struct session *s, struct parser *p)
{
	char *names[PLACES_MAX];
	struct change v[CHANGES_MAX];
	struct str verb = STR_NONE;
	size_t n, nv, done = 0;
	if (switched_off(s))
		return;
	bool word = parse_sp(p) && parse_atom(p, &verb), store = word && str_iis(verb, "STORE");
	if (!store && !(word && str_iis(verb, "DELETE"))) {
		reply_bad(s, "ACL takes STORE or DELETE");
		return;
	}
	if (!mailbox_list(s, p, names, &n) || !changes(s, p, store, v, &nv))
		return;
	for (size_t i = 0; i < n; i++)
		done += change_listed(s, names[i], v, nv);
	if (done)
		reply_ok(s, "ACL %s completed.", store ? "STORE" : "DELETE");
	else
		reply_no(s, "No access list was changed");
}
