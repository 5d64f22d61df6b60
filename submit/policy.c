/* The snapshot of everything the gate's decisions depend on. */
#include "config.h"

#include "access/access.h"
#include "config/folder.h"
#include "submit/settings.h"
#include "unicode/unicode.h"
#include <dirent.h>
#include <stdlib.h>

enum {
	POLICY_ARENA_MAX = 512 * 1024,
	VHOST_KEY_MAX = 300,
	VHOST_ARENA_MAX = 4096,
};

static void bad_bofh(void *ctx, unsigned line, const char *why)
{
	(void)ctx;
	log_warning(NULL, "bofh, line %u: %s", line, why);
}

/* Its limits stand above the settings'. */
static int load_bofh(struct policy *p, const struct instance *in)
{
	struct buf text;
	buf_init(&text, BOFH_TEXT_MAX);
	if (config_text(in->etc, "bofh", false, &text) >= 0)
		p->bofh = bofh_new(buf_str(&text), &p->names, bad_bofh, NULL);
	buf_free(&text);
	if (!p->bofh)
		return -1;
	bofh_maxrcpts(p->bofh, &p->max_rcpts, &p->rcpts_hard);
	return 0;
}

static size_t service_index(const char *service)
{
	struct str s = str_of(service);
	return str_is(s, "submission") ? 1 : str_is(s, "smtps") ? 2 : 0;
}

unsigned policy_bound(const struct policy *p, const char *service)
{
	return p->bound[service_index(service)];
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
	const char *v = p->vhost.p;
	p->greeting = arena_str(p->arena, config_str(c, "submit", "esmtpgreeting", v));
	p->size_limit = (uint64_t)config_int(c, "submit", "sizelimit", v);
	p->max_rcpts = (uint32_t)config_int(c, "submit", "MAXRCPTS", NULL);
	p->batch = (uint32_t)config_int(c, "submit", "batchsize", v);
	p->header_max = (size_t)config_int(c, "submit", "HEADERLIMIT", NULL);
	p->received_max = (unsigned)config_int(c, "submit", "RECEIVEDLIMIT", NULL);
	disk_need_parse(config_str(c, "submit", "sizecheck", v), &p->disk);
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
	for (size_t i = 0; i < ARRAY_LEN(sender_settings); i++) {
		const char *name = sender_settings[i].name;
		bound_parse(config_str(c, name, "AUTH_SENDER", NULL), &p->bound[i]);
	}
	p->drop_max_size = (uint64_t)config_int(c, "submit", "DROPMAXSIZE", NULL);
}

/* NULL: not made, logged. */
static struct policy *load_one(
    const struct instance *in, const struct config *c, struct policy *root, struct str vhost)
{
	struct policy *p = mem_new(struct policy);
	p->refs = 1;
	p->root = root;
	p->arena = arena_new(POLICY_ARENA_MAX);
	if (p->arena) {
		p->vhost = vhost.n ? str_of(arena_strz(p->arena, vhost)) : STR_NONE;
		load_values(p, c);
		if (names_load(in, c, p->vhost.p, p->arena, &p->names) == 0 &&
		    load_bofh(p, in) == 0)
			return p;
		names_free(&p->names);
		arena_free(p->arena);
	}
	free(p);
	return NULL;
}

static void free_one(void *policy)
{
	struct policy *p = policy;
	names_free(&p->names);
	bofh_free(p->bofh);
	arena_free(p->arena);
	free(p);
}

/* ---- virtual hosts --------------------------------------------------------------------------- */

static bool is_vhost_file(struct str name)
{
	return str_starts(name, STR("vhost.")) && name.n > 6 && !str_ends(name, STR("~"));
}

/* Addresses are compared as such, domains in their canonical form. */
static struct str vhost_key(struct arena *a, struct str text)
{
	struct access_addr addr;
	if (access_addr_parse(text, &addr))
		return arena_str(a, str_at(addr.b, sizeof(addr.b)));
	return domain_canonical(a, text);
}

static int add_vhost(
    struct policy *root, const struct instance *in, const struct config *c, struct str key)
{
	struct policy *p = load_one(in, c, root, key);
	struct str name = p ? vhost_key(root->arena, key) : STR_NONE;
	if (name.n && !map_get(root->vhosts, name) && map_count(root->vhosts) < POLICY_VHOSTS_MAX &&
	    map_set(root->vhosts, name, p))
		return 0;
	log_error(NULL,
	    "the virtual host '%.*s' can't be loaded: it is a second spelling, one of "
	    "too many, or its files are faulty",
	    STR_FMT(key));
	if (p)
		free_one(p);
	return -1;
}

static int load_vhosts(struct policy *root, const struct instance *in, const struct config *c)
{
	DIR *d = opendir(in->etc);
	struct dirent *e;
	int r = 0;
	root->vhosts = map_new();
	if (!d || !root->vhosts)
		r = -1;
	while (r == 0 && (e = readdir(d)))
		if (is_vhost_file(str_of(e->d_name)))
			r = add_vhost(root, in, c, str_of(e->d_name + 6));
	if (d)
		closedir(d);
	return r;
}

struct policy *policy_vhost(struct policy *p, struct str key)
{
	struct policy *root = policy_root(p), *found = NULL;
	if (key.n && key.n <= VHOST_KEY_MAX && map_count(root->vhosts)) {
		struct arena *a = arena_new(VHOST_ARENA_MAX);
		found = a ? map_get(root->vhosts, vhost_key(a, key)) : NULL;
		arena_free(a);
	}
	return found ? found : root;
}

struct policy *policy_of_client(struct policy *p, struct str local_ip, struct str login)
{
	struct policy *found = policy_vhost(p, local_ip);
	ptrdiff_t at = str_rchr(login, '@');
	if (!found->root && at >= 0)
		found = policy_vhost(p, str_skip(login, (size_t)at + 1));
	return found;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static struct table *open_table(const struct instance *in, const char *name)
{
	char *path = instance_path(in->etc, name);
	struct table *t = table_open(path);
	free(path);
	return t;
}

static bool load_aliases(struct policy *p, const struct instance *in)
{
	bool good = (p->aliases = open_table(in, "aliases.dat")) != NULL;
	for (unsigned i = 0; i < ALIAS_SOURCES; i++) {
		char *name = mem_printf("aliases-%s.dat", alias_source_names[i]);
		p->aliases_of[i] = open_table(in, name);
		good &= p->aliases_of[i] != NULL;
		free(name);
	}
	return good;
}

static void bad_sender(void *ctx, unsigned line, const char *why)
{
	(void)ctx;
	log_warning(NULL, "authsenders, line %u: %s", line, why);
}

static bool load_authsenders(struct policy *p, const struct instance *in)
{
	struct buf text;
	buf_init(&text, AUTHSENDERS_TEXT_MAX);
	if (config_text(in->etc, "authsenders", false, &text) >= 0)
		p->authsenders = authsenders_new(buf_str(&text), &p->names, bad_sender, NULL);
	buf_free(&text);
	return p->authsenders != NULL;
}

struct policy *policy_load(const struct instance *in, const struct config *c)
{
	struct policy *p = load_one(in, c, NULL, STR_NONE);
	if (p && load_aliases(p, in) && policy_doors_load(p, in, c) && load_authsenders(p, in) &&
	    load_vhosts(p, in, c) == 0)
		p->claims = claims_load(in, p->names.me, names_list);
	if (p && p->claims)
		return p;
	log_error(NULL, "the tables of the configuration can't be loaded");
	policy_drop(p);
	return NULL;
}

struct policy *policy_hold(struct policy *p)
{
	policy_root(p)->refs++;
	return p;
}

void policy_drop(struct policy *p)
{
	if (!p || --policy_root(p)->refs)
		return;
	p = policy_root(p);
	map_free(p->vhosts, free_one);
	claims_free(p->claims);
	table_close(p->aliases);
	for (unsigned i = 0; i < ALIAS_SOURCES; i++)
		table_close(p->aliases_of[i]);
	policy_doors_free(p);
	authsenders_free(p->authsenders);
	free_one(p);
}
