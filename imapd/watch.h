/*
 * Being told when a folder changes: inotify where there is one, else nothing (the caller polls).
 */
#ifndef COURIER_IMAPD_WATCH_H
#define COURIER_IMAPD_WATCH_H

#include "base/base.h"

struct watch {
	int fd; /* becomes readable when something changed; -1: poll instead */
	const char *dir;
	bool keywords; /* the keyword store is watched; it need not be there at first */
};

void watch_open(struct watch *w, const char *dir); /* dir must outlive it */
void watch_also(struct watch *w, const char *dir); /* another folder's messages */
void watch_clear(struct watch *w);                 /* takes what is pending */
void watch_close(struct watch *w);

#endif
