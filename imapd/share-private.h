/* Between share.c, place.c and files.c alone. */
#ifndef COURIER_IMAPD_SHARE_PRIVATE_H
#define COURIER_IMAPD_SHARE_PRIVATE_H

#include "imapd/share.h"

struct share {
	struct maildir_identity who;
	char room[512], *options;
	maildir_shared_list accounts, sharables;
	struct map *by_name; /* account -> path of its Maildir */
};

const char *share_sharable(const struct share *sh, struct str nick);

#endif
