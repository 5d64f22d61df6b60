/* The snapshot of everything the gate's decisions depend on. */
#include "config.h"

#include "submit/access.h"
#include "submit/settings.h"
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { POLICY_ARENA_MAX = 64 * 1024, ACCESS_TEXT_MAX = 16 * 1024 * 1024 };

static void bad_line(unsigned line, const char *why)
{
	log_warning(NULL, "smtpaccess, line %u: %s", line, why);
}

/* The text is read when makesmtpaccess has not made a table of it. */
static int load_access(struct policy *p, const struct instance *in)
{
	char *path = instance_path(in->etc, "smtpaccess.dat");
	bool table = access(path, F_OK) == 0;
	if (table)
		p->access_table = table_open(path);
	free(path);
	if (table)
		return p->access_table ? 0 : -1;
	struct buf text;
	buf_init(&text, ACCESS_TEXT_MAX);
	int r = config_text(in->etc, "smtpaccess", &text);
	if (r >= 0)
		p->access = access_new(buf_str(&text), bad_line);
	buf_free(&text);
	return p->access ? 0 : -1;
}

static enum check_mode mode(const struct config *c, const char *name)
{
	enum check_mode m = CHECK_REFUSE;
	check_mode_parse(config_str(c, "submit", name, NULL), &m);
	return m;
}

static bool suppresses(const struct config *c, const char *source)
{
	struct str word;
	for (size_t at = 0; config_each(c, "submit", "BOFHSUPPRESSBACKSCATTER", &at, &word);)
		if (str_is(word, source))
			return true;
	return false;
}

static bool filtered(const struct config *c, const char *source)
{
	struct str rest = config_str(c, "submit", "enablefiltering", NULL), word;
	while (str_word(&rest, &word))
		if (str_is(word, source))
			return true;
	return false;
}

static void load_filters(struct policy *p, const struct config *c)
{
	p->filter_esmtp = filtered(c, "esmtp");
	p->filter_local = filtered(c, "local");
	p->filter_uucp = filtered(c, "uucp");
	p->filter_ms = config_int(c, "submit", "FILTERTIME", NULL) * 1000;
	p->mailbox_filters = str_trim(config_str(c, "submit", "maildropfilter", NULL)).n > 0;
	p->alias_filter =
	    p->mailbox_filters && str_trim(config_str(c, "submit", "aliasfilteracct", NULL)).n > 0;
}

static void load_values(struct policy *p, const struct config *c)
{
	p->greeting = arena_str(p->arena, config_str(c, "submit", "esmtpgreeting", NULL));
	p->size_limit = (uint64_t)config_int(c, "submit", "sizelimit", NULL);
	p->max_rcpts = (uint32_t)config_int(c, "submit", "MAXRCPTS", NULL);
	p->batch = (uint32_t)config_int(c, "submit", "batchsize", NULL);
	p->header_max = (size_t)config_int(c, "submit", "HEADERLIMIT", NULL);
	p->received_max = (unsigned)config_int(c, "submit", "RECEIVEDLIMIT", NULL);
	disk_need_parse(config_str(c, "submit", "sizecheck", NULL), &p->disk);
	p->header8 = mode(c, "HEADER8BIT");
	p->body8 = mode(c, "BODY8BIT");
	p->mime = mode(c, "BADMIME");
	p->add_date = !config_bool(c, "submit", "NOADDDATE", NULL);
	p->extensions = config_bool(c, "submit", "LOCALEXTENSIONS", NULL);
	p->add_msgid = !config_bool(c, "submit", "NOADDMSGID", NULL);
	p->rewrite = (enum header_rewrite)config_int(c, "submit", "NOADDRREWRITE", NULL);
	load_filters(p, c);
	p->track_smtp = suppresses(c, "smtp");
	p->track_auth = suppresses(c, "authsmtp");
	p->drop_max_size = (uint64_t)config_int(c, "submit", "DROPMAXSIZE", NULL);
}

struct policy *policy_load(const struct instance *in, const struct config *c)
{
	struct policy *p = mem_new(struct policy);
	p->refs = 1;
	p->arena = arena_new(POLICY_ARENA_MAX);
	if (!p->arena) {
		free(p);
		return NULL;
	}
	load_values(p, c);
	char *aliases = instance_path(in->etc, "aliases.dat");
	p->aliases = table_open(aliases);
	free(aliases);
	if (p->aliases && names_load(in, c, p->arena, &p->names) == 0 && load_access(p, in) == 0)
		p->claims = claims_load(in, p->names.me, names_list);
	if (p->claims)
		return p;
	log_error(NULL, "the tables of the configuration can't be loaded");
	policy_drop(p);
	return NULL;
}

struct policy *policy_hold(struct policy *p)
{
	p->refs++;
	return p;
}

void policy_drop(struct policy *p)
{
	if (!p || --p->refs)
		return;
	claims_free(p->claims);
	names_free(&p->names);
	table_close(p->aliases);
	table_close(p->access_table);
	access_free(p->access);
	arena_free(p->arena);
	free(p);
}

struct table_ctx {
	struct table *table;
	struct buf value;
};

static int table_getter(void *ctx, struct str key, struct str *value)
{
	struct table_ctx *t = ctx;
	int r = table_get(t->table, key, &t->value);
	*value = buf_str(&t->value);
	return r < 0 && errno == ENOENT ? 0 : r;
}

/* A table that can't be read, or an entry that can't be understood, lets nobody relay. */
bool policy_access(struct policy *p, struct str ip, struct buf *env, bool *deny)
{
	struct access_addr addr;
	struct str action;
	*deny = false;
	if (!access_addr_parse(ip, &addr))
		return false;
	struct table_ctx t = {.table = p->access_table};
	buf_init(&t.value, ACCESS_ACTION_MAX);
	int r = p->access_table ? access_lookup(&addr, table_getter, &t, &action)
				: access_lookup(&addr, access_get, p->access, &action);
	bool good = r >= 0;
	if (r > 0)
		good = access_action_parse(action, env, deny);
	buf_free(&t.value);
	return good;
}
