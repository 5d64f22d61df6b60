#include <config.h>

#include "config/config-private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

struct loading {
	struct config *c;
	const struct instance *in;
	const struct config_component *comp;
	struct config_faults *faults;
	const char *file;
	unsigned depth;
	struct buf key;
};

struct str config_key(struct buf *b, struct str component, struct str name, const char *vhost)
{
	buf_clear(b);
	buf_adds(b, component);
	buf_addc(b, 0);
	buf_adds(b, name);
	if (vhost && *vhost) {
		buf_addc(b, 0);
		buf_addz(b, vhost);
	}
	return buf_str(b);
}

static const struct config_setting *find_setting(
    const struct config_component *comp, struct str name)
{
	for (size_t i = 0; i < comp->n; i++)
		if (str_is(name, comp->settings[i].name))
			return &comp->settings[i];
	return NULL;
}

static struct config_order *order_of(struct config *c, const char *component)
{
	struct config_order *o = map_get(c->order, str_of(component));
	if (!o) {
		o = mem_new(struct config_order);
		map_set(c->order, str_of(component), o);
	}
	return o;
}

static int keep(struct loading *l, const struct config_setting *s, struct str name, struct str text,
    const char *vhost, unsigned line, bool is_set)
{
	struct buf why;
	int64_t number = 0;
	buf_init(&why, 1000);
	if (s && !config_value_check(s, text, &number, &why)) {
		config_fault(l->faults, l->file, line, "%s", why.p);
		buf_free(&why);
		return -1;
	}
	buf_free(&why);
	struct config_value *v = arena_new_of(l->c->arena, struct config_value);
	if (!v || !(v->text = arena_str(l->c->arena, text)).p) {
		config_fault(l->faults, l->file, line, "the configuration is too large");
		return -1;
	}
	v->number = number;
	v->is_set = is_set;
	v->setting = s;
	struct str key = config_key(&l->key, str_of(l->comp->name), name, vhost);
	bool first = !map_get(l->c->values, key);
	map_set(l->c->values, key, v);
	if (first && !vhost) {
		struct config_order *o = order_of(l->c, l->comp->name);
		vec_push(&o->names, arena_str(l->c->arena, name));
	}
	return 0;
}

static int on_set(void *ctx, struct str name, struct str value, unsigned line)
{
	struct loading *l = ctx;
	const struct config_setting *s = find_setting(l->comp, name);
	if (!s && !l->comp->foreign_ok)
		config_warn(l->faults, l->file, line, "%.*s is no setting of %s; it is ignored",
		    STR_FMT(name), l->comp->name);
	if (s && s->file) {
		config_warn(l->faults, l->file, line,
		    "%s belongs into the file '%s'; it is ignored here", s->name, s->file);
		return 0;
	}
	if (s && s->idle && value.n)
		config_warn(
		    l->faults, l->file, line, "%s has no effect here: %s", s->name, s->idle);
	return keep(l, s, name, value, NULL, line, true);
}

static int on_get(void *ctx, struct str name, struct str *value)
{
	struct loading *l = ctx;
	struct config_value *v =
	    map_get(l->c->values, config_key(&l->key, str_of(l->comp->name), name, NULL));
	if (!v) {
		static const char *const folders[] = {
		    "prefix", "sysconfdir", "localstatedir", "libexecdir", "bindir", "sbindir"};
		const char *const values[] = {
		    PREFIX, l->in->etc, l->in->var, LIBEXECDIR, BINDIR, SBINDIR};
		for (size_t i = 0; i < ARRAY_LEN(folders); i++)
			if (str_is(name, folders[i])) {
				*value = str_of(values[i]);
				return 0;
			}
		return -1;
	}
	*value = v->text;
	return 0;
}

static int parse_file(struct loading *l, const char *path);

static int on_include(void *ctx, struct str file, unsigned line)
{
	struct loading *l = ctx;
	const char *outer = l->file;
	if (l->depth >= CONFIG_INCLUDE_DEPTH) {
		config_fault(l->faults, l->file, line, "files include each other more than %d deep",
		    CONFIG_INCLUDE_DEPTH);
		return -1;
	}
	char *path = file.n && file.p[0] == '/'
			 ? mem_strndup(file.p, file.n)
			 : mem_printf("%s/%.*s", l->in->etc, (int)file.n, file.p);
	l->depth++;
	int r = parse_file(l, path);
	if (r > 0)
		config_fault(l->faults, outer, line, "cannot read '%s': %s", path, strerror(r));
	l->depth--;
	l->file = outer;
	free(path);
	return r == 0 ? 0 : -1;
}

/* 0 read, -1 faults noted, > 0 an errno: not read at all */
static int parse_file(struct loading *l, const char *path)
{
	struct buf text;
	buf_init(&text, CONFIG_FILE_MAX);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int r = fd < 0 || file_read_fd(fd, &text) < 0 ? errno : 0;
	if (fd >= 0)
		close(fd);
	if (r == 0) {
		l->file = path;
		r = config_parse(buf_str(&text), path, l->faults, on_set, on_get, on_include, l);
	}
	buf_free(&text);
	return r;
}

static int load_assignments(struct loading *l, const char *name)
{
	if (!name)
		return 0;
	char *path = instance_path(l->in->etc, name);
	int r = parse_file(l, path);
	if (r > 0 && r != ENOENT)
		config_fault(l->faults, path, 0, "cannot be read: %s", strerror(r));
	free(path);
	return r == 0 || r == ENOENT ? 0 : -1;
}

/* A list file: comment lines and blank ones drop out.  One-value file: its first line. */
static struct str own_file_value(const struct config_setting *s, struct buf *text)
{
	if (s->type == CONFIG_LIST)
		return buf_str(text);
	struct str rest = buf_str(text), line = STR_NONE;
	while (str_split(&rest, '\n', &line)) {
		line = str_trim(line);
		if (line.n && line.p[0] != '#')
			return line;
	}
	return STR_NONE;
}

static int check_lines(struct loading *l, const struct config_setting *s, struct str text)
{
	struct str line;
	int r = 0;
	for (unsigned n = 1; s->line_wrong && str_split(&text, '\n', &line); n++) {
		line = str_trim(line);
		const char *wrong = line.n && line.p[0] != '#' ? s->line_wrong(line) : NULL;
		if (wrong) {
			config_fault(l->faults, l->file, n, "%s", wrong);
			r = -1;
		}
	}
	return r;
}

static int load_own_file(
    struct loading *l, const struct config_setting *s, const char *file, const char *vhost)
{
	char *path = instance_path(l->in->etc, file);
	struct buf text;
	int r = 0;
	buf_init(&text, CONFIG_FILE_MAX);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && file_read_fd(fd, &text) == 0) {
		l->file = path;
		r = check_lines(l, s, buf_str(&text));
		if (!r)
			r = keep(l, s, str_of(s->name), own_file_value(s, &text), vhost, 1, true);
	} else if (errno != ENOENT && errno != EISDIR) {
		config_fault(l->faults, path, 0, "cannot be read: %s", strerror(errno));
		r = -1;
	}
	if (fd >= 0)
		close(fd);
	buf_free(&text);
	free(path);
	return r;
}

/* A virtual host KEY is there when the file vhost.KEY is: what else has a name with a dot may be
 * somebody's copy of a file. */
static bool is_vhost(const struct loading *l, const char *key)
{
	char *name = mem_printf("vhost.%s", key), *path = instance_path(l->in->etc, name);
	bool there = access(path, F_OK) == 0;
	free(path);
	free(name);
	return there;
}

/* "FILE.KEY" beside FILE is its value for the virtual host KEY. */
static int load_vhosts(struct loading *l)
{
	DIR *d = opendir(l->in->etc);
	struct dirent *e;
	int r = 0;
	if (!d)
		return 0;
	while ((e = readdir(d))) {
		for (size_t i = 0; i < l->comp->n; i++) {
			const struct config_setting *s = &l->comp->settings[i];
			size_t n = s->file ? strlen(s->file) : 0;
			const char *suffix = e->d_name + n + 1;
			if (!n || strncmp(e->d_name, s->file, n) != 0 || e->d_name[n] != '.' ||
			    !*suffix || strchr("~#", e->d_name[strlen(e->d_name) - 1]) ||
			    !is_vhost(l, suffix))
				continue;
			if (load_own_file(l, s, e->d_name, suffix) < 0)
				r = -1;
		}
	}
	closedir(d);
	return r;
}

static int load_component(struct loading *l)
{
	int r = 0;
	order_of(l->c, l->comp->name);
	l->file = "(built-in default)";
	for (size_t i = 0; i < l->comp->n; i++) {
		const struct config_setting *s = &l->comp->settings[i];
		if (keep(l, s, str_of(s->name), str_of(s->def), NULL, 0, false) < 0)
			r = -1;
	}
	if (load_assignments(l, l->comp->file) < 0 || load_assignments(l, l->comp->overlay) < 0)
		r = -1;
	bool own_files = false;
	for (size_t i = 0; i < l->comp->n; i++) {
		const struct config_setting *s = &l->comp->settings[i];
		own_files |= s->file != NULL;
		if (s->file && load_own_file(l, s, s->file, NULL) < 0)
			r = -1;
	}
	return own_files && load_vhosts(l) < 0 ? -1 : r;
}

static struct config *config_new(void)
{
	struct config *c = mem_new(struct config);
	c->refs = 1;
	c->arena = arena_new(CONFIG_SNAPSHOT_MAX);
	c->values = map_new();
	c->order = map_new();
	return c;
}

struct config *config_load(const struct instance *in,
    const struct config_component *const *components, size_t n, struct config_faults *faults)
{
	struct config_faults own = {.errors = 0};
	int bad = 0;
	struct config *c = config_new();
	c->folder = arena_strz(c->arena, str_of(in->etc));
	if (!faults) {
		config_faults_init(&own);
	}
	struct loading l = {.c = c, .in = in, .faults = faults ? faults : &own};
	buf_init(&l.key, 4096);
	for (size_t i = 0; i < n; i++) {
		l.comp = components[i];
		if (load_component(&l) < 0)
			bad = 1;
	}
	buf_free(&l.key);
	if (!faults) {
		struct str rest = buf_str(&own.text), line;
		while (str_split(&rest, '\n', &line))
			if (line.n)
				log_msg(own.errors ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING, NULL,
				    "%.*s", STR_FMT(line));
		config_faults_free(&own);
	}
	if (bad) {
		config_drop(c);
		return NULL;
	}
	return c;
}

static void free_order(void *p)
{
	struct config_order *o = p;
	vec_free(&o->names);
	free(o);
}

struct config *config_hold(struct config *c)
{
	c->refs++;
	return c;
}

void config_drop(struct config *c)
{
	if (!c || --c->refs)
		return;
	map_free(c->values, NULL);
	map_free(c->order, free_order);
	arena_free(c->arena);
	free(c);
}

char *config_path(const struct config *c, struct str name)
{
	if (name.n && name.p[0] == '/')
		return mem_strndup(name.p, name.n);
	return mem_printf("%s/%.*s", c->folder, STR_FMT(name));
}
