/* What the gate knows of each kind of listener: who may come in, and which lists of the DNS count.
 */
#include "config.h"

#include "config/folder.h"
#include "submit/settings.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { ACCESS_TEXT_MAX = 16 * 1024 * 1024 };

char *access_file(
    const struct instance *in, const struct config *c, const char *component, const char *setting)
{
	const char *z = config_z(c, component, setting, NULL);
	return *z == '/' ? mem_strdup(z) : instance_path(in->etc, *z ? z : "smtpaccess");
}

static void bad_line(unsigned line, const char *why)
{
	log_warning(NULL, "smtpaccess, line %u: %s", line, why);
}

/* The text is read when makesmtpaccess has not made a table of it. */
static bool load_access(struct door_policy *d, const char *path)
{
	char *dat = mem_printf("%s.dat", path);
	bool table = access(dat, F_OK) == 0;
	if (table)
		d->access_table = table_open(dat);
	free(dat);
	if (table)
		return d->access_table != NULL;
	struct buf text;
	buf_init(&text, ACCESS_TEXT_MAX);
	int r = config_text_at(AT_FDCWD, path, false, &text);
	if (r >= 0)
		d->access = access_new(buf_str(&text), bad_line);
	buf_free(&text);
	return d->access != NULL;
}

/* Faults were told when the settings were read; what stood before one holds. */
static void load_options(
    struct policy *p, struct door_policy *d, const struct config *c, const char *component)
{
	static const char *const names[] = {"BLACKLISTS", "DROP", "TCPDOPTS"};
	struct str word;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const char *wrong = tcpd_options_parse(
		    p->arena, config_str(c, component, names[i], NULL), &d->options, &word);
		if (wrong)
			log_warning(NULL, "%s: '%.*s': %s", names[i], STR_FMT(word), wrong);
	}
	d->exclusive = config_bool(c, component, "ALLOW_EXCLUSIVE", NULL);
	d->check_dns = config_bool(c, component, "BOFHCHECKDNS", NULL);
}

bool policy_doors_load(struct policy *p, const struct instance *in, const struct config *c)
{
	char *paths[POLICY_DOORS] = {NULL};
	bool good = true;
	for (size_t i = 0; i < POLICY_DOORS; i++) {
		struct door_policy *d = &p->doors[i];
		load_options(p, d, c, sender_settings[i].name);
		paths[i] = access_file(in, c, sender_settings[i].name, "ACCESSFILE");
		for (size_t j = 0; j < i && !d->borrowed; j++) {
			d->borrowed = strcmp(paths[i], paths[j]) == 0;
			d->access = d->borrowed ? p->doors[j].access : NULL;
			d->access_table = d->borrowed ? p->doors[j].access_table : NULL;
		}
		good = good && (d->borrowed || load_access(d, paths[i]));
	}
	for (size_t i = 0; i < POLICY_DOORS; i++)
		free(paths[i]);
	return good;
}

void policy_doors_free(struct policy *p)
{
	for (size_t i = 0; i < POLICY_DOORS; i++) {
		if (p->doors[i].borrowed)
			continue;
		table_close(p->doors[i].access_table);
		access_free(p->doors[i].access);
	}
}

const struct door_policy *policy_door(struct policy *p, const char *service)
{
	struct str s = str_of(service);
	return &policy_root(p)->doors[str_is(s, "submission") ? 1 : str_is(s, "smtps") ? 2 : 0];
}

/* ---- look-ups -------------------------------------------------------------------------------- */

struct source {
	const struct door_policy *d;
	struct buf value;
};

static int get(void *ctx, struct str key, struct str *value)
{
	struct source *s = ctx;
	if (!s->d->access_table)
		return access_get(s->d->access, key, value);
	int r = table_get(s->d->access_table, key, &s->value);
	*value = buf_str(&s->value);
	return r < 0 && errno == ENOENT ? 0 : r;
}

/* r: of the look-up.  Both entries may deny. */
static bool take(int r, struct str action, struct buf *env, bool *deny)
{
	bool denied = false;
	bool good = r == 0 || (r > 0 && access_action_parse(action, env, &denied));
	*deny |= denied;
	return good;
}

/*
 * The entry of an address of ours may be meant for us as a client: "192.0.2.1 allow,RELAYCLIENT"
 * for the host's own programs must not let everybody relay who calls 192.0.2.1.
 */
static bool take_local(
    struct source *s, const struct access_addr *addr, uint16_t port, struct buf *env, bool *deny)
{
	struct str action = STR_NONE, line;
	struct buf mine;
	bool plain;
	int r = access_lookup_local_kind(addr, port, get, s, &action, &plain);
	buf_init(&mine, ACCESS_ACTION_MAX);
	bool good = take(r, action, &mine, deny);
	for (struct str rest = buf_str(&mine); str_split(&rest, '\n', &line);)
		if (line.n && !(plain && str_starts(line, STR("RELAYCLIENT="))))
			buf_addf(env, "%.*s\n", STR_FMT(line));
	buf_free(&mine);
	return good;
}

/* A table that can't be read, or an entry that can't be understood, lets nobody relay.  What the
 * local address sets stands behind what the client's sets: the first word counts. */
bool policy_access(
    const struct door_policy *d, const struct access_question *q, struct buf *env, bool *deny)
{
	struct access_addr addr;
	struct str action = STR_NONE;
	*deny = false;
	if (!access_addr_parse(q->ip, &addr))
		return false;
	struct source s = {.d = d};
	buf_init(&s.value, ACCESS_ACTION_MAX);
	bool good = take(access_lookup(&addr, get, &s, &action), action, env, deny);
	if (good && d->options.access_local && access_addr_parse(q->local_ip, &addr))
		good = take_local(&s, &addr, q->local_port, env, deny);
	buf_free(&s.value);
	return good;
}
