/* The files module.NAME: which transports there are and how much each may do at a time. */
#include "config.h"

#include "courierd/sched-main.h"
#include "module/module-file.h"

static void take(struct scheduler *x, const struct module_file *f)
{
	log_info(NULL, "Installing %s", f->name);
	struct sched_module *m = module_add(&x->core, f->name);
	if (!m) {
		log_error(NULL, "no room for module '%s'", f->name);
		return;
	}
	m->configured = true;
	m->priority = f->priority;
	m->maxdels = f->maxdels;
	m->maxhost = f->maxhost;
	m->maxrcpt = f->maxrcpt < MODULE_RCPTS_MAX ? f->maxrcpt : MODULE_RCPTS_MAX;
	log_info(NULL, "Installed: module.%s - Courier %s", f->name, PACKAGE_VERSION);
}

size_t modules_read(struct scheduler *x)
{
	struct module_files files;
	size_t n = 0;
	if (module_files_load(&files, service_instance(x->service)) == 0) {
		for (size_t i = 0; i < x->core.n_modules; i++)
			x->core.modules[i].configured = false;
		for (size_t i = 0; i < files.n; i++)
			if (files.v[i].prog) /* without one, mail only comes in through it */
				take(x, &files.v[i]);
		module_files_free(&files);
	}
	for (size_t i = 0; i < x->core.n_modules; i++)
		n += x->core.modules[i].configured;
	return n;
}
