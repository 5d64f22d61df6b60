/* The `courier` command: one file a verb. */
#ifndef COURIER_COURIER_H
#define COURIER_COURIER_H

#include "config/config.h"

enum { EXIT_BAD_USAGE = 64, EXIT_NOT_RUNNING = 3 };

struct courier_cmd {
	const char *name, *usage;
	/* argv[0] is the verb.  Returns the exit status. */
	int (*run)(const struct instance *in, int argc, char **argv);
	bool no_instance; /* makes one, or needs none */
};

int cmd_init(const struct instance *in, int argc, char **argv);
int cmd_start(const struct instance *in, int argc, char **argv);
int cmd_stop(const struct instance *in, int argc, char **argv);
int cmd_restart(const struct instance *in, int argc, char **argv);
int cmd_reload(const struct instance *in, int argc, char **argv);
int cmd_status(const struct instance *in, int argc, char **argv);
int cmd_check(const struct instance *in, int argc, char **argv);
int cmd_security(const struct instance *in, int argc, char **argv);
int cmd_show(const struct instance *in, int argc, char **argv);
int cmd_flush(const struct instance *in, int argc, char **argv);
int cmd_clear(const struct instance *in, int argc, char **argv);
int cmd_config(const struct instance *in, int argc, char **argv);
int cmd_import_queue(const struct instance *in, int argc, char **argv);
int cmd_build_config(const struct instance *in, int argc, char **argv);
int cmd_mtaconfig(const struct instance *in, int argc, char **argv);
int cmd_sysconftool(const struct instance *in, int argc, char **argv);

/* ask.c: one request to var/run/NAME, the whole answer into out; 0, or -1 with errno. */
int ask(const struct instance *in, const char *socket_name, const char *request, struct buf *out,
    int timeout_s);
/* One JSON string, quoted and escaped. */
void json_string(struct buf *out, struct str s);

/* every-settings.c: all components of the suite, for check and config. */
extern const struct config_component *const every_component[];
extern const size_t n_every_component;

/* system-users.c: makes the system users and groups that are missing; -1 with a line on stderr. */
int system_users_make(const char *mail_user);

#endif
