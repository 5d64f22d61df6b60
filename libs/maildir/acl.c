#include "config.h"

#include "maildir/maildir.h"

#include <stdlib.h>

bool maildir_rights_parse(struct str text, unsigned *out)
{
	static const char letters[] = MAILDIR_RIGHTS_ALL;
	bool good = true;
	*out = 0;
	for (size_t i = 0; i < text.n; i++) {
		const char *at = text.p[i] ? strchr(letters, text.p[i]) : NULL;
		if (at)
			*out |= 1U << (at - letters);
		else if (text.p[i] == 'd')
			*out |= 1U << 2 | 1U << 7 | 1U << 9;
		else
			good = false;
	}
	return good;
}

void maildir_rights_text(unsigned rights, char out[MAILDIR_RIGHTS_SIZE])
{
	size_t n = 0;
	for (size_t i = 0; i < sizeof MAILDIR_RIGHTS_ALL - 1; i++)
		if (rights & 1U << i)
			out[n++] = MAILDIR_RIGHTS_ALL[i];
	out[n] = 0;
}

static bool negative(struct str who)
{
	return who.n && who.p[0] == '-';
}

static struct maildir_acl_entry *entry(const struct maildir_acl *acl, struct str who)
{
	for (size_t i = 0; i < acl->entries.n; i++)
		if (str_is(who, acl->entries.v[i].who))
			return &acl->entries.v[i];
	return NULL;
}

bool maildir_acl_who_ok(struct str who)
{
	if (negative(who))
		who = str_skip(who, 1);
	if (who.n > MAILDIR_ACL_WHO_MAX || str_has_ctl(who) || memchr(who.p ? who.p : "", 0, who.n))
		return false;
	return str_is(who, "owner") || str_is(who, "anyone") || str_is(who, "anonymous") ||
	       str_is(who, "administrators") ||
	       ((str_starts(who, STR("user=")) || str_starts(who, STR("group="))) &&
		   who.p[who.n - 1] != '=');
}

void maildir_acl_parse(struct str file, struct maildir_acl *out)
{
	struct str line;
	while (str_split(&file, '\n', &line)) {
		ptrdiff_t blank = str_rchr(line, ' ');
		unsigned rights;
		if (blank <= 0 || blank > MAILDIR_ACL_WHO_MAX + 1 || str_has_ctl(line) ||
		    out->entries.n >= MAILDIR_ACL_ENTRIES)
			continue;
		maildir_rights_parse(str_skip(line, (size_t)blank + 1), &rights);
		maildir_acl_change(out, str_head(line, (size_t)blank), '=', rights);
	}
}

void maildir_acl_print(const struct maildir_acl *acl, char between, struct buf *out)
{
	char rights[MAILDIR_RIGHTS_SIZE];
	for (size_t i = 0; i < acl->entries.n; i++) {
		maildir_rights_text(acl->entries.v[i].rights, rights);
		buf_addf(out, "%s%c%s\n", acl->entries.v[i].who, between, rights);
	}
}

void maildir_acl_free(struct maildir_acl *acl)
{
	for (size_t i = 0; i < acl->entries.n; i++)
		free(acl->entries.v[i].who);
	vec_free(&acl->entries);
}

bool maildir_acl_change(struct maildir_acl *acl, struct str who, char how, unsigned rights)
{
	struct maildir_acl_entry *e = entry(acl, who);
	if (!e) {
		if (acl->entries.n >= MAILDIR_ACL_ENTRIES)
			return false;
		struct maildir_acl_entry fresh = {.who = mem_strndup(who.p, who.n)};
		vec_push(&acl->entries, fresh);
		e = &acl->entries.v[acl->entries.n - 1];
	}
	if (how == '+')
		e->rights |= rights;
	else if (how == '-')
		e->rights &= ~rights;
	else
		e->rights = rights;
	return true;
}

void maildir_acl_remove(struct maildir_acl *acl, struct str who)
{
	struct maildir_acl_entry *e = entry(acl, who);
	if (e) {
		free(e->who);
		vec_remove(&acl->entries, (size_t)(e - acl->entries.v));
	}
}

static bool is_administrators(struct str who)
{
	return str_is(who, "administrators") || str_is(who, "group=administrators");
}

static bool among(struct str who, const struct str *ids, size_t n)
{
	if (str_is(who, "anyone") || str_is(who, "anonymous"))
		return true;
	for (size_t i = 0; i < n; i++)
		if (str_eq(who, ids[i]) || (is_administrators(who) && is_administrators(ids[i])))
			return true;
	return false;
}

static unsigned listed(const struct maildir_acl *acl, const struct str *ids, size_t n)
{
	unsigned given = 0, taken = 0;
	for (size_t i = 0; i < acl->entries.n; i++) {
		struct str who = str_of(acl->entries.v[i].who);
		bool minus = negative(who);
		if (among(minus ? str_skip(who, 1) : who, ids, n))
			*(minus ? &taken : &given) |= acl->entries.v[i].rights;
	}
	return given & ~taken;
}

unsigned maildir_acl_rights(const struct maildir_acl *acl, const struct str *ids, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (is_administrators(ids[i]))
			return MAILDIR_RIGHTS_MASK;
	return listed(acl, ids, n);
}

const char *maildir_acl_fault(const struct maildir_acl *acl)
{
	static const struct str owner = STR_INIT("owner"), admin = STR_INIT("administrators");
	unsigned kept;
	maildir_rights_parse(STR("al"), &kept);
	if ((listed(acl, &owner, 1) & kept) != kept)
		return "owner";
	return listed(acl, &admin, 1) != MAILDIR_RIGHTS_MASK ? "administrators" : NULL;
}
