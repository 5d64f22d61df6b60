#include <dirent.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "esmtp/authclient.h"

enum { AUTH_WORD_MAX = 1024, SMTP_PORT = 25 };

struct entry {
	char *relay, *user, *password;
	uint16_t port;
};

struct authclient {
	VEC(struct entry) entries;
};

struct authclient *authclient_new(void)
{
	return mem_new(struct authclient);
}

void authclient_free(struct authclient *a)
{
	if (!a)
		return;
	for (size_t i = 0; i < a->entries.n; i++) {
		struct entry *e = &a->entries.v[i];
		mem_wipe(e->password, strlen(e->password));
		free(e->relay);
		free(e->user);
		free(e->password);
	}
	vec_free(&a->entries);
	free(a);
}

const char *authclient_add(struct authclient *a, struct str line)
{
	struct str word[3], extra;
	line = str_trim(line);
	if (!line.n || line.p[0] == '#')
		return NULL;
	if (str_chr(line, 0) >= 0)
		return "the line holds a NUL";
	for (size_t i = 0; i < ARRAY_LEN(word); i++)
		if (!str_word(&line, &word[i]) || word[i].n > AUTH_WORD_MAX)
			return "expected RELAY[,PORT] USER PASSWORD";
	if (str_word(&line, &extra))
		return "something stands behind the password";
	uint64_t port = SMTP_PORT;
	ptrdiff_t comma = str_rchr(word[0], ',');
	if (comma >= 0) {
		if (!str_u64(str_skip(word[0], (size_t)comma + 1), &port) || !port || port > 65535)
			return "the port is not a number from 1 to 65535";
		word[0] = str_head(word[0], (size_t)comma);
	}
	struct entry e = {
	    .relay = mem_strndup(word[0].p, word[0].n),
	    .user = mem_strndup(word[1].p, word[1].n),
	    .password = mem_strndup(word[2].p, word[2].n),
	    .port = (uint16_t)port,
	};
	vec_push(&a->entries, e);
	return NULL;
}

/* It is to belong to root, to the mail system's user or to who asks. */
static const char *file_wrong(const char *path)
{
	struct stat st;
	struct passwd *pw = getpwnam(MAILUSER);
	if (stat(path, &st) < 0)
		return NULL;
	if (st.st_uid != 0 && st.st_uid != geteuid() && !(pw && st.st_uid == pw->pw_uid))
		return "it holds passwords and belongs to somebody else; chown " MAILUSER " it";
	return st.st_size && (st.st_mode & 077)
		   ? "it holds passwords and others can read it; chmod go= it"
		   : NULL;
}

/* A file of passwords, or a virtual host's: NAME.KEY beside vhost.KEY. */
static bool holds_passwords(int dir, const char *name)
{
	static const char *const files[] = {"esmtpauthclient", "esmtpsocks"};
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		size_t n = strlen(files[i]);
		if (strncmp(name, files[i], n) != 0 || (name[n] && name[n] != '.'))
			continue;
		char *vhost = mem_printf("vhost%s", name + n);
		bool counts = !name[n] || faccessat(dir, vhost, F_OK, 0) == 0;
		free(vhost);
		return counts;
	}
	return false;
}

void authclient_look(
    const char *etc, void (*bad)(void *ctx, const char *path, const char *why), void *ctx)
{
	DIR *d = opendir(etc);
	for (struct dirent *e; d && (e = readdir(d));) {
		if (!holds_passwords(dirfd(d), e->d_name))
			continue;
		char *path = mem_printf("%s/%s", etc, e->d_name);
		const char *wrong = file_wrong(path);
		if (wrong)
			bad(ctx, path, wrong);
		free(path);
	}
	if (d)
		closedir(d);
}

const char *authclient_line_wrong(struct str line)
{
	struct authclient *a = authclient_new();
	const char *wrong = authclient_add(a, line);
	authclient_free(a);
	return wrong;
}

struct credentials authclient_find(
    const struct authclient *a, struct str relay, uint16_t port, struct str domain)
{
	struct str key = relay.n ? relay : domain;
	for (size_t i = 0; i < a->entries.n; i++) {
		const struct entry *e = &a->entries.v[i];
		bool named = str_ieq(key, str_of(e->relay)) && (!port || port == e->port);
		if (named || (relay.n && str_ieq(domain, str_of(e->relay))))
			return (struct credentials){str_of(e->user), str_of(e->password)};
	}
	return (struct credentials){STR_NONE, STR_NONE};
}
