#include "config.h"

#include "imapd/status.h"

static const struct parse_name items_known[] = {
    {"MESSAGES", STATUS_MESSAGES},
    {"RECENT", STATUS_RECENT},
    {"UIDNEXT", STATUS_UIDNEXT},
    {"UIDVALIDITY", STATUS_UIDVALIDITY},
    {"UNSEEN", STATUS_UNSEEN},
    {"DELETED", STATUS_DELETED},
    {"SIZE", STATUS_SIZE},
    {"APPENDLIMIT", STATUS_APPENDLIMIT},
    {"HIGHESTMODSEQ", STATUS_HIGHESTMODSEQ},
};

const char *status_item_name(unsigned item)
{
	for (size_t i = 0; i < ARRAY_LEN(items_known); i++)
		if (items_known[i].bit == item)
			return items_known[i].name;
	return NULL;
}

bool status_parse(struct parser *p, unsigned *items)
{
	*items = 0;
	if (!parse_char(p, '('))
		return false;
	do {
		unsigned item = parse_name(p, items_known, ARRAY_LEN(items_known));
		if (!item)
			return false;
		*items |= item;
	} while (parse_sp(p));
	return parse_char(p, ')');
}
