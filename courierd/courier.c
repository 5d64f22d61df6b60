/* courier: the administrator's command. */
#include "config.h"

#include "courierd/courier.h"

#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const struct courier_cmd commands[] = {
    {"init",
	"init DIR [--domain D] [--port-base N|auto] [--user NAME:PASSWORD]... [--users-file F] "
	"[--mail-user U]\n       courier init --system [--domain D] [--mail-user U]",
	cmd_init, true},
    {"start", "start [PART]", cmd_start, false},
    {"stop", "stop [PART]", cmd_stop, false},
    {"restart", "restart [PART]", cmd_restart, false},
    {"reload", "reload", cmd_reload, false},
    {"status", "status [--json]", cmd_status, false},
    {"show", "show [all | ID] [--json]", cmd_show, false},
    {"flush", "flush [ID]", cmd_flush, false},
    {"clear", "clear all | ADDRESS", cmd_clear, false},
    {"check", "check [-q]", cmd_check, false},
    {"config", "config [COMPONENT]", cmd_config, false},
    {"security", "security", cmd_security, false},
    {"import-queue", "import-queue [-n] DIR", cmd_import_queue, false},
};

/* Programs of their own name that are this one. */
static const struct courier_cmd programs[] = {
    {"courier-config", "", cmd_build_config, true},
    {"courier-mtaconfig", "[-C DIR]", cmd_mtaconfig, false},
    {"sysconftool", "[-n] [FILE.dist...]", cmd_sysconftool, true},
};

/* sbin/imapd start and kin: the name of the face tells the part. */
static const struct {
	const char *face, *part;
} faces[] = {
    {"esmtpd", "smtp"},
    {"esmtpd-msa", "submission"},
    {"esmtpd-ssl", "smtps"},
    {"imapd", "imap"},
    {"imapd-ssl", "imaps"},
    {"pop3d", "pop3"},
    {"pop3d-ssl", "pop3s"},
    {"authdaemond", "auth"},
};

static int usage(FILE *to)
{
	fprintf(to, "usage: courier [-C DIR] COMMAND ...\n");
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		fprintf(to, "       courier %s\n", commands[i].usage);
	return to == stdout ? EXIT_SUCCESS : EXIT_BAD_USAGE;
}

static int run(const struct courier_cmd *cmd, const char *dir, int argc, char **argv)
{
	struct instance in = {0};
	char *why = NULL;
	if (!cmd->no_instance && instance_find(&in, dir, &why) < 0) {
		fprintf(stderr, "courier: %s\n", why);
		free(why);
		return EXIT_FAILURE;
	}
	int r = cmd->run(&in, argc, argv);
	instance_free(&in);
	return r;
}

static int as_face(const char *part, const char *dir, int argc, char **argv)
{
	static const char *const verbs[] = {"start", "stop", "restart"};
	char *args[3] = {argc > 0 ? argv[0] : NULL, mem_strdup(part), NULL};
	for (size_t i = 0; args[0] && i < ARRAY_LEN(verbs); i++)
		if (strcmp(args[0], verbs[i]) == 0)
			return run(&commands[i + 1], dir, 2, args);
	fprintf(stderr, "usage: NAME start | stop | restart\n");
	return EXIT_BAD_USAGE;
}

static int as_program(const struct courier_cmd *cmd, int argc, char **argv)
{
	const char *dir = NULL;
	if (!cmd->no_instance && argc == 3 && strcmp(argv[1], "-C") == 0) {
		dir = argv[2];
		argc = 1;
	}
	if (!cmd->no_instance && argc != 1) {
		fprintf(stderr, "usage: %s %s\n", cmd->name, cmd->usage);
		return EXIT_BAD_USAGE;
	}
	return run(cmd, dir, argc, argv);
}

/* The name under which start scripts of the original call it: nothing of the caller's environment
 * goes further than this. */
static int start_engine(int argc)
{
	static char word[] = "start";
	char *home = getenv("COURIER_HOME"), *args[] = {word, NULL};
	char *dir = home ? mem_strdup(home) : NULL;
	if (argc != 1) {
		fprintf(stderr, "usage: courierctl.start\n");
		return EXIT_BAD_USAGE;
	}
	if (clearenv() || (dir && setenv("COURIER_HOME", dir, 1)))
		return EXIT_FAILURE;
	free(dir);
	return run(&commands[1], NULL, 1, args);
}

int main(int argc, char **argv)
{
	const char *dir = NULL, *name = basename(mem_strdup(argv[0]));
	int at = 1;
	log_open("courier", LOG_TO_STDERR, 2);
	for (size_t i = 0; i < ARRAY_LEN(programs); i++)
		if (strcmp(name, programs[i].name) == 0)
			return as_program(&programs[i], argc, argv);
	if (strcmp(name, "courierctl.start") == 0)
		return start_engine(argc);
	while (at < argc && argv[at][0] == '-') {
		if (strcmp(argv[at], "-C") == 0 && at + 1 < argc) {
			dir = argv[at + 1];
			at += 2;
		} else if (strcmp(argv[at], "--version") == 0) {
			printf("courier %s\n", PACKAGE_VERSION);
			return EXIT_SUCCESS;
		} else {
			return usage(strcmp(argv[at], "--help") == 0 ? stdout : stderr);
		}
	}
	for (size_t i = 0; i < ARRAY_LEN(faces); i++)
		if (strcmp(name, faces[i].face) == 0)
			return as_face(faces[i].part, dir, argc - at, argv + at);
	for (size_t i = 0; at < argc && i < ARRAY_LEN(commands); i++)
		if (strcmp(argv[at], commands[i].name) == 0)
			return run(&commands[i], dir, argc - at, argv + at);
	return usage(stderr);
}
