/*
 * Files that count as soon as they are written: the supervisor looks at them every few seconds, and
 * has the parts that read them reload, after the same proof as `courier reload`.  A file that still
 * changes is left until it has kept still for one look.
 */
#include <stdlib.h>
#include <sys/stat.h>
#include "courierd/supervisor.h"

enum { LOOK_MS = 2000 };

static const struct {
	const char *file;
	const char *role, *other; /* who reads it */
} watched[] = {
    {"aliasfilteracct", "gate", "broker"},
    {"authldaprc", "authldap", NULL},
    {"authmysqlrc", "authmysql", NULL},
    {"authpgsqlrc", "authpgsql", NULL},
    {"authsqliterc", "authsqlite", NULL},
    {"esmtpauthclient", "esmtp", NULL},
    {"esmtpgreeting", "gate", NULL},
    {"esmtproutes", "esmtp", NULL},
    {"imapaccess.dat", "imaplogin", NULL},
    {"msgidhost", "gate", NULL},
    {"sizelimit", "gate", NULL},
};
_Static_assert(ARRAY_LEN(watched) == AT_ONCE_FILES, "as many as the supervisor remembers");

static struct at_once_file look_at(const struct supervisor *s, const char *name)
{
	struct stat st;
	char *path = instance_path(s->instance.etc, name);
	struct at_once_file f = {0};
	if (stat(path, &st) == 0)
		f = (struct at_once_file){.inode = st.st_ino,
		    .size = st.st_size,
		    .changed = (int64_t)st.st_ctim.tv_sec * 1000000000 + st.st_ctim.tv_nsec};
	free(path);
	return f;
}

static bool same(const struct at_once_file *a, const struct at_once_file *b)
{
	return a->inode == b->inode && a->size == b->size && a->changed == b->changed;
}

void at_once_taken(struct supervisor *s)
{
	for (size_t i = 0; i < AT_ONCE_FILES; i++)
		s->at_once.seen[i] = s->at_once.used[i] = look_at(s, watched[i].file);
}

static bool reads(size_t i, const struct role *r)
{
	struct str name = str_of(r->name);
	return str_is(name, watched[i].role) ||
	       (watched[i].other && str_is(name, watched[i].other));
}

/* Does anything that the role reads wait to be used? */
static bool concerned(const struct supervisor *s, const struct role *r)
{
	for (size_t i = 0; i < AT_ONCE_FILES; i++)
		if (!same(&s->at_once.seen[i], &s->at_once.used[i]) && reads(i, r))
			return true;
	return false;
}

static void look(void *ctx)
{
	struct supervisor *s = ctx;
	bool moving = false, fresh = false;
	for (size_t i = 0; i < AT_ONCE_FILES; i++) {
		struct at_once_file now = look_at(s, watched[i].file);
		moving |= !same(&now, &s->at_once.seen[i]);
		s->at_once.seen[i] = now;
		fresh |= !same(&now, &s->at_once.used[i]);
	}
	if (fresh && !moving && s->ready_fd < 0) {
		supervisor_reload(s, concerned);
		memcpy(s->at_once.used, s->at_once.seen, sizeof s->at_once.used);
	}
	timer_set(s->at_once.timer, LOOK_MS);
}

int at_once_start(struct supervisor *s)
{
	at_once_taken(s);
	s->at_once.timer = timer_new(s->loop, look, s);
	if (!s->at_once.timer)
		return -1;
	timer_set(s->at_once.timer, LOOK_MS);
	return 0;
}
