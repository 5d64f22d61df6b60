#include <config.h>

#include "config/config-private.h"

#include <stdlib.h>

static const struct config_value *find(
    const struct config *c, const char *component, struct str name, const char *vhost)
{
	char room[512];
	struct buf key = {.p = room, .cap = sizeof room, .max = sizeof room - 1};
	const struct config_value *v = NULL;
	if (vhost && *vhost)
		v = map_get(c->values, config_key(&key, str_of(component), name, vhost));
	return v ? v : map_get(c->values, config_key(&key, str_of(component), name, NULL));
}

static const struct config_value *get(
    const struct config *c, const char *component, const char *name, const char *vhost)
{
	const struct config_value *v = find(c, component, str_of(name), vhost);
	if (!v) {
		log_msg(LOG_LEVEL_FATAL, NULL, "setting '%s' of '%s' is asked for but in no table",
		    name, component);
		abort();
	}
	return v;
}

struct str config_str(
    const struct config *c, const char *component, const char *name, const char *vhost)
{
	return get(c, component, name, vhost)->text;
}

const char *config_z(
    const struct config *c, const char *component, const char *name, const char *vhost)
{
	const char *p = get(c, component, name, vhost)->text.p;
	return p ? p : "";
}

bool config_bool(const struct config *c, const char *component, const char *name, const char *vhost)
{
	return get(c, component, name, vhost)->number != 0;
}

int64_t config_int(
    const struct config *c, const char *component, const char *name, const char *vhost)
{
	return get(c, component, name, vhost)->number;
}

bool config_is_set(const struct config *c, const char *component, const char *name)
{
	return get(c, component, name, NULL)->is_set;
}

bool config_is_own(
    const struct config *c, const char *component, const char *name, const char *vhost)
{
	char room[512];
	struct buf key = {.p = room, .cap = sizeof room, .max = sizeof room - 1};
	return vhost && *vhost &&
	       map_get(c->values, config_key(&key, str_of(component), str_of(name), vhost));
}

static bool separator(char ch)
{
	return ch == ' ' || ch == '\t' || ch == '\n' || ch == '\r' || ch == ',';
}

static bool next_line(struct str text, size_t *at, struct str *item)
{
	while (*at < text.n) {
		struct str rest = str_skip(text, *at), line;
		str_split(&rest, '\n', &line);
		*at += line.n + 1;
		line = str_trim(line);
		if (line.n && line.p[0] != '#') {
			*item = line;
			return true;
		}
	}
	return false;
}

bool config_vhost_known(
    const struct config *c, const struct config_component *comp, const char *vhost)
{
	for (size_t i = 0; i < comp->n; i++)
		if (comp->settings[i].file &&
		    config_is_own(c, comp->name, comp->settings[i].name, vhost))
			return true;
	return false;
}

bool config_each(
    const struct config *c, const char *component, const char *name, size_t *at, struct str *item)
{
	return config_each_of(c, component, name, NULL, at, item);
}

bool config_each_of(const struct config *c, const char *component, const char *name,
    const char *vhost, size_t *at, struct str *item)
{
	const struct config_value *v = get(c, component, name, vhost);
	if (v->setting && v->setting->file)
		return next_line(v->text, at, item);
	struct str t = v->text;
	while (*at < t.n && separator(t.p[*at]))
		(*at)++;
	size_t from = *at;
	while (*at < t.n && !separator(t.p[*at]))
		(*at)++;
	*item = str_at(t.p + from, *at - from);
	return item->n > 0;
}

bool config_each_assignment(
    const struct config *c, const char *component, size_t *at, struct str *name, struct str *value)
{
	struct config_order *o = map_get(c->order, str_of(component));
	for (; o && *at < o->names.n; (*at)++) {
		const struct config_value *v = find(c, component, o->names.v[*at], NULL);
		if (!v || !v->is_set || (v->setting && v->setting->file))
			continue;
		*name = o->names.v[(*at)++];
		*value = v->text;
		return true;
	}
	return false;
}
