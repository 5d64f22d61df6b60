/*
 * Maildir++ quota: the file maildirsize in the main Maildir.
 *
 * `dir` may be the Maildir or a folder in it.  A definition is a comma list of <n>S (bytes) and
 * <n>C (messages); without a positive limit there is no quota and every check passes.
 */
#ifndef COURIER_MAILDIR_QUOTA_H
#define COURIER_MAILDIR_QUOTA_H

#include "base/base.h"

struct maildir_quota {
	int64_t max_bytes, max_count; /* 0: no such limit */
	int64_t bytes, count;         /* usage */
};

enum { MAILDIR_SIZE_FILE_MAX = 5120 }; /* at this length maildirsize is made anew */

bool maildir_quota_parse(struct str definition, struct maildir_quota *out); /* limits only */
/* The sum of a maildirsize file; false when its first line is no definition.  Pure. */
bool maildir_quota_sum(struct str file, struct maildir_quota *out, size_t *lines);

/* Usage and limits; 1 when there is no quota.  Counts everything again where the format says so. */
int maildir_quota_read(const char *dir, struct maildir_quota *out);
/* EDQUOT when so much more does not fit. */
int maildir_quota_check(const char *dir, int64_t bytes, int64_t count);
/* Notes a change; no maildirsize: nothing to do. */
int maildir_quota_add(const char *dir, int64_t bytes, int64_t count);
/* Makes the definition that of the Maildir, unless it is already. */
int maildir_quota_set(const char *dir, const char *definition);
/* Percent used of the fuller limit; -1 without quota. */
int maildir_quota_percent(const struct maildir_quota *q);

/* When the Maildir that dir is or lies in is at least so full: puts `text` (a message without Date
 * and Message-Id) into it, once a day.  Empty text: does nothing. */
void maildir_quota_warn(const char *dir, int percent, struct str text);
/* The same with the text of a file; without the file there is no warning. */
void maildir_quota_warn_file(const char *dir, int percent, const char *file);

/* The folder whose messages are not counted ("Trash" unless set; "" none). */
void maildir_trash_name(const char *folder);
bool maildir_is_trash(const char *dir);

#endif
