#include "config.h"

#include "authdaemon/userdb.h"
#include "table/table.h"

#include <errno.h>
#include <pwd.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

struct compile {
	struct table_build *open, *shadow;
	struct buf key, public, secret;
	size_t accounts;
	char *why;
};

static void add(struct buf *out, struct str field, struct str value)
{
	if (out->n)
		buf_addc(out, '|');
	buf_adds(out, field);
	if (value.p)
		buf_addc(out, '=');
	buf_adds(out, value);
}

static int refuse(struct compile *c, const struct userdb_entry *e, const char *reason)
{
	if (!c->why)
		c->why =
		    mem_printf("%s:%u: '%.*s': %s", e->file, e->line, STR_FMT(e->name), reason);
	return -1;
}

static int put(struct compile *c, const struct userdb_entry *e)
{
	struct str key = buf_str(&c->key);
	int r = table_build_put(c->open, key, buf_str(&c->public), false);
	if (r == 1)
		return refuse(c, e, "this account has been there before");
	if (r == 0 && c->secret.n)
		r = table_build_put(c->shadow, key, buf_str(&c->secret), false);
	return r == 0 ? 0 : refuse(c, e, strerror(errno));
}

static int compile_entry(void *ctx, const struct userdb_entry *e)
{
	struct compile *c = ctx;
	struct str record = e->record, field, value;
	buf_clear(&c->key);
	buf_clear(&c->public);
	buf_clear(&c->secret);
	userdb_key(e->name, &c->key);
	bool reverse = str_ends(e->name, STR("=")); /* UID=<TAB>NAME: no fields */
	while (userdb_next(&record, &field, &value))
		add(userdb_is_secret(field) ? &c->secret : &c->public, field, value);
	if (!reverse)
		add(&c->public, STR("_"), str_of(e->file));
	c->accounts += !reverse;
	return put(c, e);
}

/* The tables belong to whom the text belongs to: that is whom the administrator lets read it.  Text
 * of root's, as other mail systems have it, is for the daemon. */
static void same_owner(const char *base, const char *made)
{
	struct stat st;
	if (geteuid() != 0 || stat(base, &st) < 0)
		return;
	struct passwd *pw = st.st_uid == 0 ? getpwnam(MAILUSER "-auth") : NULL;
	uid_t uid = pw ? pw->pw_uid : st.st_uid;
	gid_t gid = pw ? pw->pw_gid : st.st_gid;
	if (chown(made, uid, gid) < 0)
		log_warning(NULL, "cannot give '%s' the owner of '%s': %m", made, base);
}

static int commit(struct compile *c, const char *base, const char *open, const char *shadow)
{
	/* The shadow first: a password without an account is harmless. */
	int r = table_build_commit(c->shadow);
	c->shadow = NULL;
	if (r == 0) {
		r = table_build_commit(c->open);
		c->open = NULL;
	}
	if (r < 0)
		c->why = mem_printf("cannot write '%s': %s", open, strerror(errno));
	same_owner(base, shadow);
	same_owner(base, open);
	return r;
}

static int build(struct compile *c, const char *base, const char *open, const char *shadow)
{
	c->open = table_build_begin(open, TABLE_HASH, 0644);
	c->shadow = c->open ? table_build_begin(shadow, TABLE_HASH, 0600) : NULL;
	if (!c->shadow) {
		c->why =
		    mem_printf("cannot make '%s': %s", c->open ? shadow : open, strerror(errno));
		return -1;
	}
	char *why = NULL;
	int r = userdb_read(base, compile_entry, c, &why);
	if (r == 0)
		return commit(c, base, open, shadow);
	if (!c->why)
		c->why = why ? why : mem_strdup("cannot read the source");
	else
		free(why);
	return -1;
}

static int lock(const char *base)
{
	char *path = mem_printf("%s.lock", base);
	int fd = userdb_lock(path);
	free(path);
	return fd;
}

int userdb_compile(const char *base, size_t *accounts, char **why)
{
	struct compile c = {0};
	int fd = lock(base);
	if (fd < 0) {
		*why = mem_printf("cannot lock '%s.lock': %s", base, strerror(errno));
		return -1;
	}
	char *open = mem_printf("%s.dat", base), *shadow = mem_printf("%sshadow.dat", base);
	buf_init(&c.key, USERDB_NAME_MAX);
	buf_init(&c.public, 2 * USERDB_LINE_MAX);
	buf_init(&c.secret, 2 * USERDB_LINE_MAX);
	int r = build(&c, base, open, shadow);
	table_build_abort(c.open);
	table_build_abort(c.shadow);
	buf_free(&c.key);
	buf_free(&c.public);
	buf_free(&c.secret);
	free(open);
	free(shadow);
	close(fd);
	*accounts = c.accounts;
	*why = c.why;
	return r;
}
