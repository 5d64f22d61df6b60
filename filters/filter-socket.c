#include "config.h"

#include "filters/filter-socket.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

enum { BACKLOG = 512, FOLDER_MODE = 0750, SOCKET_MODE = 0660 };

void filter_fds_reserve(void)
{
	int fd;
	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd < FILTER_READY_FD);
	if (fd > FILTER_READY_FD)
		close(fd);
	signal(SIGPIPE, SIG_IGN);
}

void filter_fds_ready(void)
{
	close(FILTER_READY_FD);
}

bool filter_mode_all(const struct config *c, const char *component)
{
	char *name = mem_printf("%s-mode", component);
	bool all = str_starts(config_str(c, component, name, NULL), STR("all"));
	free(name);
	return all;
}

static int usage(const char *name)
{
	fprintf(stderr, "usage: %s [-C DIR]\n", name);
	return EX_USAGE;
}

struct config *filter_begin(struct instance *in, const char *name,
    const struct config_component *const *components, size_t n, int argc, char **argv, int *status)
{
	const char *dir = NULL;
	char *why;
	log_open(name, LOG_TO_STDERR, -1);
	for (int o; (o = getopt(argc, argv, "C:")) != -1;) {
		if (o != 'C') {
			*status = usage(name);
			return NULL;
		}
		dir = optarg;
	}
	if (optind != argc) {
		*status = usage(name);
		return NULL;
	}
	*status = EX_CONFIG;
	if (instance_find(in, dir, &why) < 0) {
		log_error(NULL, "%s", why);
		free(why);
		return NULL;
	}
	struct config *c = config_load(in, components, n, NULL);
	if (!c)
		instance_free(in);
	return c;
}

/* Whoever may enter the folder's group may ask. */
static void share(const char *folder, const char *path)
{
	struct stat st;
	if (stat(folder, &st) || chown(path, (uid_t)-1, st.st_gid))
		log_debug(NULL, "cannot give '%s' to the group of its folder: %m", path);
}

static int bind_at(const char *path)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof sun.sun_path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(sun.sun_path, path, strlen(path) + 1);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	unlink(path);
	mode_t old = umask(0777 & ~SOCKET_MODE);
	int r = bind(fd, (struct sockaddr *)&sun, sizeof sun);
	umask(old);
	if (!r && !listen(fd, BACKLOG))
		return fd;
	int saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

static void remove_from(const struct instance *in, const char *folder, const char *name)
{
	char *path = mem_printf("%s/%s/%s", in->var, folder, name);
	char *early = mem_printf("%s/%s/.%s", in->var, folder, name);
	if (unlink(path) && errno != ENOENT)
		log_error(NULL, "cannot remove '%s': %m", path);
	unlink(early);
	free(path);
	free(early);
}

int filter_socket_make(const struct instance *in, const char *name, bool all)
{
	char *folder = instance_path(in->var, all ? "allfilters" : "filters");
	char *early = mem_printf("%s/.%s", folder, name), *path = instance_path(folder, name);
	int fd = -1;
	if (file_mkdirs(-1, folder, FOLDER_MODE) < 0)
		log_error(NULL, "cannot make the folder '%s': %m", folder);
	else if ((fd = bind_at(early)) < 0)
		log_error(
		    NULL, "cannot listen at '%s': %m; the folder must let this user write", early);
	else {
		share(folder, early);
		if (rename(early, path)) {
			log_error(NULL, "cannot rename '%s' to '%s': %m", early, path);
			close(fd);
			fd = -1;
		} else {
			remove_from(in, all ? "filters" : "allfilters", name);
		}
	}
	free(folder);
	free(early);
	free(path);
	return fd;
}
