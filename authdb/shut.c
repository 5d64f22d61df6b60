#include "config.h"

#include "authdb/shut.h"

#include "base/sandbox.h"
#include "base/vec.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>

struct seen { /* a path, and the file that it was */
	char *path;
	dev_t dev;
	ino_t ino; /* 0: none */
};

enum { SECRETS = 4 };

struct authdb_shut {
	char *secret[SECRETS]; /* folders of the instance, without links; NULL: none */
	VEC(struct sandbox_path) paths;
	VEC(struct seen) seen;
};

/* Libraries: themselves and their plug-ins, names of hosts and services, certificates, their own
 * settings. */
static const char *const everybodys[] = {"/usr", "/lib", "/lib64", "/etc/ld.so.cache",
    "/etc/resolv.conf", "/etc/hosts", "/etc/host.conf", "/etc/nsswitch.conf", "/etc/gai.conf",
    "/etc/services", "/etc/protocols", "/etc/passwd", "/etc/group", "/etc/localtime", "/etc/ssl",
    "/etc/pki", "/etc/ca-certificates", "/etc/crypto-policies", "/etc/gnutls", "/etc/pkcs11",
    "/etc/ldap", "/etc/openldap", "/etc/postgresql-common", "/etc/krb5.conf", "/dev/null",
    "/dev/urandom", "/dev/random", "/proc/sys", "/sys/devices/system/cpu"};

struct authdb_shut *authdb_shut_new(const struct instance *in)
{
	const char *const folders[SECRETS] = {in->etc, in->var, in->log, in->mail};
	struct authdb_shut *s = mem_new(struct authdb_shut);
	for (size_t i = 0; i < SECRETS; i++)
		s->secret[i] = folders[i] ? realpath(folders[i], NULL) : NULL;
	for (size_t i = 0; i < ARRAY_LEN(everybodys); i++)
		authdb_reads(s, everybodys[i]);
	return s;
}

void authdb_shut_free(struct authdb_shut *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < SECRETS; i++)
		free(s->secret[i]);
	for (size_t i = 0; i < s->paths.n; i++)
		free((void *)(uintptr_t)s->paths.v[i].path);
	for (size_t i = 0; i < s->seen.n; i++)
		free(s->seen.v[i].path);
	vec_free(&s->paths);
	vec_free(&s->seen);
	free(s);
}

static struct seen look(char *path)
{
	struct stat st;
	if (stat(path, &st) < 0)
		return (struct seen){.path = path};
	return (struct seen){path, st.st_dev, st.st_ino};
}

const char *authdb_shut_stale(const struct authdb_shut *s)
{
	for (size_t i = 0; i < s->seen.n; i++) {
		struct seen now = look(s->seen.v[i].path);
		if (now.ino && (now.ino != s->seen.v[i].ino || now.dev != s->seen.v[i].dev))
			return now.path;
	}
	return NULL;
}

/* A secret folder is this one (0 more bytes), or is below it. */
static bool holds_secret(const struct authdb_shut *s, const char *folder, bool *same)
{
	size_t n = strcmp(folder, "/") == 0 ? 0 : strlen(folder);
	bool holds = false;
	*same = false;
	for (size_t i = 0; i < SECRETS; i++) {
		const char *z = s->secret[i];
		if (!z || strncmp(z, folder, n) != 0 || (z[n] != 0 && z[n] != '/'))
			continue;
		holds = true;
		*same |= z[n] == 0;
	}
	return holds;
}

static void add(struct authdb_shut *s, const char *path, bool change)
{
	struct sandbox_path p = {mem_strdup(path), change};
	vec_push(&s->paths, p);
}

/* What links point to has a place of its own, and is judged by that. */
static void add_around(struct authdb_shut *s, const char *real)
{
	bool same;
	struct stat st;
	if (!holds_secret(s, real, &same)) {
		add(s, real, false);
		return;
	}
	DIR *d = same ? NULL : opendir(real);
	for (struct dirent *e; d && (e = readdir(d));) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		char *path = mem_printf("%s/%s", strcmp(real, "/") == 0 ? "" : real, e->d_name);
		if (lstat(path, &st) == 0 && !S_ISLNK(st.st_mode))
			add_around(s, path);
		free(path);
	}
	if (d)
		closedir(d);
}

static char *note(struct authdb_shut *s, const char *path)
{
	vec_push(&s->seen, look(mem_strdup(path)));
	return realpath(path, NULL);
}

void authdb_reads(struct authdb_shut *s, const char *path)
{
	if (!path || *path != '/')
		return;
	char *real = note(s, path);
	if (real)
		add_around(s, real);
	free(real);
}

static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash && slash > path ? mem_strndup(path, (size_t)(slash - path)) : mem_strdup("/");
}

void authdb_changes(struct authdb_shut *s, const char *file)
{
	char *real = realpath(file, NULL);
	char *folder = folder_of(real ? real : file), *place = note(s, folder);
	bool same;
	if (place && holds_secret(s, place, &same))
		log_warning(NULL,
		    "'%s' has a folder with other files of the mail server, which this process "
		    "can open therefore; move it to a folder of its own",
		    file);
	if (place)
		add(s, place, true);
	free(place);
	free(folder);
	free(real);
}

int authdb_shut_enter(struct authdb_shut *s)
{
	return sandbox_files(s->paths.v, s->paths.n);
}
