#include "config.h"

#include "maildir/maildir.h"

#include <stdio.h>

static const char letters[] = {
    [MAILDIR_LOOKUP] = 'l',
    [MAILDIR_READ] = 'r',
    [MAILDIR_MARK_SEEN] = 's',
    [MAILDIR_MARK_DELETE] = 't',
    [MAILDIR_MARK_OTHER] = 'w',
    [MAILDIR_INSERT] = 'i',
    [MAILDIR_EXPUNGE] = 'e',
    [MAILDIR_CREATE] = 'c',
    [MAILDIR_DELETE] = 'x',
    [MAILDIR_ADMINISTER] = 'a',
    [MAILDIR_ASK_RIGHTS] = 0,
};

char maildir_action_letter(enum maildir_action what)
{
	return letters[what];
}

unsigned maildir_action_right(enum maildir_action what)
{
	unsigned right = MAILDIR_RIGHTS_MASK;
	if (letters[what])
		maildir_rights_parse((struct str){&letters[what], 1}, &right);
	return right;
}

enum maildir_verdict maildir_access_rights(unsigned rights, enum maildir_action what)
{
	if (rights & maildir_action_right(what))
		return MAILDIR_ALLOW;
	return rights & maildir_action_right(MAILDIR_LOOKUP) ? MAILDIR_DENY : MAILDIR_HIDE;
}

unsigned maildir_identity_rights(
    const struct maildir_identity *who, bool owner, const struct maildir_acl *acl)
{
	struct str ids[MAILDIR_IDENTITIES + 1];
	size_t n = 0;
	for (; n < who->n && n < MAILDIR_IDENTITIES; n++)
		ids[n] = who->ids[n];
	if (owner)
		ids[n++] = STR("owner");
	return maildir_acl_rights(acl, ids, n);
}

enum maildir_verdict maildir_access(const struct maildir_identity *who, bool owner,
    const struct maildir_acl *acl, enum maildir_action what)
{
	return maildir_access_rights(maildir_identity_rights(who, owner, acl), what);
}

void maildir_identity_parse(
    struct str user, struct str options, struct maildir_identity *out, char *room, size_t size)
{
	struct str item;
	*out = (struct maildir_identity){0};
	int n = user.n && user.n + sizeof "user=" <= size
		    ? snprintf(room, size, "user=%.*s", STR_FMT(user))
		    : 0;
	if (n > 0)
		out->ids[out->n++] = (struct str){room, (size_t)n};
	while (str_split(&options, ',', &item)) {
		item = str_trim(item);
		if (str_starts(item, STR("group=")) && item.n > 6 && out->n < MAILDIR_IDENTITIES)
			out->ids[out->n++] = item;
	}
}

void maildir_rights_old(unsigned rights, bool partial, char out[MAILDIR_RIGHTS_OLD_SIZE])
{
	char all[MAILDIR_RIGHTS_SIZE];
	unsigned d;
	size_t n = 0;
	maildir_rights_parse(STR("d"), &d);
	bool whole = (rights & d) == d;
	maildir_rights_text(whole || !partial ? rights & ~d : rights, all);
	for (const char *p = all; *p; p++) {
		if (whole && *p > 'd' && (!n || out[n - 1] < 'd'))
			out[n++] = 'd';
		out[n++] = *p;
	}
	if (whole && (!n || out[n - 1] < 'd'))
		out[n++] = 'd';
	out[n] = 0;
}
