/*
 * mailbot: who had an answer, and when: a table from address (lower case) to seconds.  Under a lock
 * it is written anew with each answer, without the entries that are too old.
 */
#include "config.h"

#include "maildrop/mailbot.h"
#include "table/table.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

enum { SECONDS_A_DAY = 86400 };

struct copy {
	struct table_build *build;
	int64_t oldest; /* to be kept */
};

static int keep(void *ctx, struct str key, struct str value)
{
	struct copy *c = ctx;
	int64_t when;
	if (!str_i64(value, &when) || when < c->oldest)
		return 0;
	return table_build_put(c->build, key, value, true) < 0 ? -1 : 0;
}

static int write_anew(
    const char *file, struct table *old, struct str key, int64_t now, int64_t oldest)
{
	struct copy c = {table_build_begin(file, TABLE_HASH, 0600), oldest};
	char text[32];
	if (!c.build)
		return -1;
	int n = snprintf(text, sizeof text, "%lld", (long long)now);
	errno = 0;
	if ((table_each(old, keep, &c) < 0 && errno != ENOENT) ||
	    table_build_put(c.build, key, str_at(text, (size_t)n), true) < 0) {
		table_build_abort(c.build);
		return -1;
	}
	return table_build_commit(c.build);
}

static int look_and_write(const char *file, struct str key, int64_t now, int64_t days)
{
	struct table *t = table_open(file);
	struct buf b;
	int64_t when, oldest = now - days * SECONDS_A_DAY;
	if (!t)
		return -1;
	buf_init(&b, TABLE_VALUE_MAX);
	int hit = table_get(t, key, &b), r = -1;
	if (hit > 0 && str_i64(buf_str(&b), &when) && when > oldest && when <= now + SECONDS_A_DAY)
		r = 1;
	else if (hit >= 0 || errno == ENOENT)
		r = write_anew(file, t, key, now, oldest);
	buf_free(&b);
	table_close(t);
	return r;
}

int mailbot_seen(const char *file, struct str address, int64_t now, int64_t days)
{
	char *lock = mem_printf("%s.lock", file);
	int fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600), r = -1;
	char *key = mem_strndup(address.p, address.n > TABLE_KEY_MAX ? TABLE_KEY_MAX : address.n);
	for (char *s = key; *s; s++)
		*s = (char)ascii_lower((unsigned char)*s);
	if (fd >= 0 && flock(fd, LOCK_EX) == 0)
		r = look_and_write(file, str_of(key), now, days);
	if (fd >= 0)
		close(fd);
	free(key);
	free(lock);
	return r;
}
