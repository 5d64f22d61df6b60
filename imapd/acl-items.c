/* LIST (ACL MYRIGHTS POSTADDRESS) ... of ACL2: facts of each mailbox behind its name. */
#include "config.h"

#include "imapd/share.h"

static const struct {
	const char *name;
	unsigned item;
} words[] = {{"ACL", LIST_ACL}, {"MYRIGHTS", LIST_MYRIGHTS}, {"POSTADDRESS", LIST_POSTADDRESS}};

static unsigned item_of(struct str word)
{
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (str_iis(word, words[i].name))
			return words[i].item;
	return 0;
}

bool acl_items_parse(struct parser *p, unsigned *items)
{
	struct parser at = *p;
	struct str word;
	*items = 0;
	if (!parse_char(&at, '('))
		return true;
	do {
		if (!parse_atom(&at, &word) || !item_of(word))
			return *items == 0; /* other words are for others, but not both */
		*items |= item_of(word);
	} while (parse_sp(&at));
	if (!parse_char(&at, ')') || !parse_sp(&at))
		return false;
	*p = at;
	return true;
}

static void put_list(struct session *s, const struct place *where)
{
	struct maildir_acl acl = {0};
	char rights[MAILDIR_RIGHTS_OLD_SIZE];
	if (!place_allows(s, where, MAILDIR_ADMINISTER) ||
	    maildir_acl_load(where->root, where->folder, &acl) < 0)
		return;
	io_putz(&s->io, "(\"ACL\" (");
	for (size_t i = 0; i < acl.entries.n; i++) {
		maildir_rights_old(acl.entries.v[i].rights, true, rights);
		io_putz(&s->io, "(");
		put_string(s, str_of(acl.entries.v[i].who));
		io_putf(&s->io, " \"%s\")", rights);
	}
	io_putz(&s->io, "))");
	maildir_acl_free(&acl);
}

void acl_items_put(struct session *s, const char *name, unsigned items)
{
	struct place where;
	char rights[MAILDIR_RIGHTS_OLD_SIZE];
	if (!items || !place_find(s, name, &where) || !place_allows(s, &where, MAILDIR_ASK_RIGHTS))
		return;
	io_putz(&s->io, " (");
	if (items & LIST_ACL)
		put_list(s, &where);
	if (items & LIST_MYRIGHTS) {
		maildir_rights_old(where.rights, true, rights);
		io_putf(&s->io, "(\"MYRIGHTS\" \"%s\")", rights);
	}
	if (items & LIST_POSTADDRESS)
		io_putz(&s->io, "(POSTADDRESS NIL)");
	io_putz(&s->io, ")");
}
