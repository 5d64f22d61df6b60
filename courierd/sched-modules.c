/* The files module.NAME: which transports there are and how much each may do at a time. */
#include "config.h"

#include "courierd/sched-main.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

enum { MODULE_FILE_MAX = 64 * 1024, MAXDELS_MAX = 100000 };

struct module_file {
	int priority;
	unsigned maxdels, maxhost, maxrcpt;
	bool output; /* has a PROG: mail goes out through it */
};

static const struct module_file *defaults(const char *name)
{
	static const struct {
		const char *name;
		struct module_file f;
	} known[] = {{"local", {10, 10, 4, 1, false}}, {"esmtp", {50, 40, 4, 100, false}},
	    {"dsn", {99, 4, 4, 1, false}}};
	static const struct module_file other = {50, 4, 4, 1, false};
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (strcmp(name, known[i].name) == 0)
			return &known[i].f;
	return &other;
}

static int set(void *ctx, struct str name, struct str value, unsigned line UNUSED)
{
	struct module_file *f = ctx;
	uint64_t n;
	if (str_is(name, "PROG")) {
		f->output = value.n > 0;
		return 0;
	}
	if (!str_u64(str_trim(value), &n) || n > MAXDELS_MAX)
		return 0;
	if (str_is(name, "PRIORITY"))
		f->priority = (int)n;
	else if (n && str_is(name, "MAXDELS"))
		f->maxdels = (unsigned)n;
	else if (n && str_is(name, "MAXHOST"))
		f->maxhost = (unsigned)n;
	else if (n && str_is(name, "MAXRCPT"))
		f->maxrcpt = n < MODULE_RCPTS_MAX ? (unsigned)n : MODULE_RCPTS_MAX;
	return 0;
}

static int get(void *ctx UNUSED, struct str name UNUSED, struct str *value)
{
	*value = STR_NONE;
	return -1;
}

static int include(void *ctx UNUSED, struct str file UNUSED, unsigned line UNUSED)
{
	return -1;
}

static bool read_file(const char *etc, const char *name, struct module_file *f)
{
	struct buf b;
	struct config_faults faults;
	char *path = instance_path(etc, name);
	if (!path)
		return false;
	buf_init(&b, MODULE_FILE_MAX);
	config_faults_init(&faults);
	bool ok = file_read(-1, path, &b) == 0;
	if (!ok)
		log_error(NULL, "cannot read '%s': %m", path);
	else if (config_parse(buf_str(&b), name, &faults, set, get, include, f) < 0) {
		log_error(NULL, "%.*s", STR_FMT(buf_str(&faults.text)));
		ok = false;
	}
	config_faults_free(&faults);
	buf_free(&b);
	free(path);
	return ok;
}

static void take(struct scheduler *x, const char *file)
{
	const char *name = file + strlen("module.");
	struct module_file f = *defaults(name);
	if (!read_file(service_instance(x->service)->etc, file, &f) || !f.output)
		return;
	log_info(NULL, "Installing %s", name);
	struct sched_module *m = module_add(&x->core, name);
	if (!m) {
		log_error(NULL, "no room for module '%s'", name);
		return;
	}
	m->configured = true;
	m->priority = f.priority;
	m->maxdels = f.maxdels;
	m->maxhost = f.maxhost;
	m->maxrcpt = f.maxrcpt;
	log_info(NULL, "Installed: module.%s - Courier %s", name, PACKAGE_VERSION);
}

size_t modules_read(struct scheduler *x)
{
	DIR *d = opendir(service_instance(x->service)->etc);
	size_t n = 0;
	if (!d) {
		log_error(NULL, "cannot read '%s': %m", service_instance(x->service)->etc);
		return 0;
	}
	for (size_t i = 0; i < x->core.n_modules; i++)
		x->core.modules[i].configured = false;
	for (struct dirent *e; (e = readdir(d));)
		if (str_starts(str_of(e->d_name), STR("module.")) && e->d_name[7] &&
		    str_chr(str_of(e->d_name + 7), '.') < 0 && str_chr(str_of(e->d_name), '~') < 0)
			take(x, e->d_name);
	closedir(d);
	for (size_t i = 0; i < x->core.n_modules; i++)
		n += x->core.modules[i].configured;
	return n;
}
