/*
 * Opening certificate files.  What only root may read (a folder of certbot's, say) is opened by the
 * helper, which is forked while we still have root's rights and gives descriptors away.
 */
#include "config.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include "courierd/key.h"
#include "service/title.h"

enum { OPEN_FILE = 1, OPEN_ANSWER, OPENER_TIMEOUT_MS = 5000 };

static struct ipc *opener; /* NULL: none */
static bool lost;

static int open_here(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	if (fd >= 0 && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))) {
		file_close(fd);
		errno = EINVAL;
		return -1;
	}
	return fd;
}

/* ---- the helper ----------------------------------------------------------------------------- */

bool key_opener_fits(struct str path, const char *file)
{
	size_t n = strlen(file);

	if (!str_starts(path, str_of(file)))
		return false;
	return path.n == n || (path.p[n] == '.' && str_chr(str_skip(path, n), '/') < 0);
}

/* The settings are read each time: they may have changed, and nobody else's word counts. */
static bool allowed(struct str path)
{
	struct key_store store;
	struct instance in;
	struct config *c;
	char *why, *cert, *key;
	bool ok = false;

	if (instance_find(&in, NULL, &why) < 0) {
		free(why);
		return false;
	}
	c = config_load(&in, key_settings, KEY_COMPONENTS, NULL);
	key_store_init(&store);
	for (size_t i = 0; c && !ok && i < KEY_COMPONENTS; i++) {
		if (!key_component_paths(&store.components[i], c, &in, &cert, &key))
			continue;
		ok = key_opener_fits(path, cert) || key_opener_fits(path, key);
		free(cert);
		free(key);
	}
	if (c)
		config_drop(c);
	instance_free(&in);
	return ok;
}

/* The descriptor, or -1 and *why; EPERM: others could have led us there. */
static int open_for(struct str path, int *why)
{
	char *z = mem_strndup(path.p, path.n);
	int fd = -1;

	if (strlen(z) != path.n || !allowed(path))
		*why = EACCES;
	else if (access(z, F_OK) < 0)
		*why = errno;
	else if (!file_way_trusted(z, 0))
		*why = EPERM;
	else {
		fd = open_here(z);
		*why = fd < 0 ? errno : 0;
	}
	free(z);
	return fd;
}

static void serve(struct ipc *c, struct ipc_msg *m)
{
	struct ipc_reader r;
	struct str path;
	int fd = -1, why = EINVAL;

	ipc_read(m, &r);
	path = ipc_get_str(&r);
	if (m->type == OPEN_FILE && ipc_done(&r) && path.n)
		fd = open_for(path, &why);
	ipc_compose(c, OPEN_ANSWER, m->id);
	ipc_put_u32(c, (uint32_t)why);
	ipc_send(c, fd);
	if (fd >= 0)
		file_close(fd);
}

static _Noreturn void helper(int fd)
{
	struct rlimit none = {0, 0};
	struct ipc_msg m;
	struct ipc *c;

	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGTERM, SIG_IGN); /* it ends with its parent */
	signal(SIGPIPE, SIG_IGN);
	if (dup2(fd, STDIN_FILENO) < 0)
		_exit(EXIT_FAILURE);
	close_range(3, ~0U, 0);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	setrlimit(RLIMIT_CORE, &none);
	log_open("courierkey", LOG_TO_STDERR, -1);
	title_set("courier key: opener");
	c = ipc_new(NULL, STDIN_FILENO, NULL, NULL);
	while (c && ipc_recv(c, &m, -1) == 1)
		serve(c, &m);
	_exit(EXIT_SUCCESS);
}

int key_opener_start(void)
{
	int fds[2];
	pid_t pid;

	if (geteuid() != 0)
		return 0; /* an ordinary user's instance: there is nothing to be gained */
	if (ipc_pair(fds) < 0)
		return -1;
	pid = fork();
	if (pid == 0)
		helper(fds[1]);
	file_close(fds[1]);
	if (pid > 0)
		opener = ipc_new(NULL, fds[0], NULL, NULL);
	else
		file_close(fds[0]);
	return opener ? 0 : -1;
}

/* ---- the key process ------------------------------------------------------------------------ */

static int ask(const char *path)
{
	struct ipc_msg m;
	struct ipc_reader r;
	uint32_t why;
	int fd;

	ipc_compose(opener, OPEN_FILE, 0);
	ipc_put_z(opener, path);
	if (ipc_send(opener, -1) < 0 || ipc_recv(opener, &m, OPENER_TIMEOUT_MS) != 1) {
		ipc_free(opener);
		opener = NULL;
		lost = true;
		errno = EACCES;
		return -1;
	}
	ipc_read(&m, &r);
	why = ipc_get_u32(&r);
	fd = ipc_take_fd(&m);
	if (fd < 0)
		errno = ipc_done(&r) && why ? (int)why : EACCES;
	return fd;
}

int key_open(const char *path)
{
	int fd = open_here(path);

	return fd < 0 && errno == EACCES && opener ? ask(path) : fd;
}

bool key_opener_lost(void)
{
	return lost;
}
