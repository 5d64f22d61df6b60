#include "config.h"

#include "imapd/status.h"

static const struct {
	const char *name;
	unsigned item;
} items_known[] = {
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
		if (items_known[i].item == item)
			return items_known[i].name;
	return NULL;
}

bool status_parse(struct parser *p, unsigned *items)
{
	*items = 0;
	if (!parse_char(p, '('))
		return false;
	do {
		struct str word;
		unsigned item = 0;
		if (!parse_atom(p, &word))
			return false;
		for (size_t i = 0; i < ARRAY_LEN(items_known); i++)
			if (str_iis(word, items_known[i].name))
				item = items_known[i].item;
		if (!item)
			return false;
		*items |= item;
	} while (parse_sp(p));
	return parse_char(p, ')');
}
