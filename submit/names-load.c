/* Reading the lists of names out of the configuration folder. */
#include "config.h"

#include "submit/settings.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

enum { LIST_MAX = 64 * 1024 * 1024 };

static bool takes_part(const struct dirent *e)
{
	struct str n = str_of(e->d_name);
	return n.n && n.p[0] != '.' && str_chr(n, '~') < 0 && !str_ends(n, STR(".dat")) &&
	       !str_ends(n, STR(".dist"));
}

static int chosen(const struct dirent *e)
{
	return takes_part(e);
}

static int add_file(int dir, const char *name, struct buf *out)
{
	struct buf one;
	buf_init(&one, out->max);
	int r = file_read(dir, name, &one);
	if (r == 0 && (!buf_adds(out, buf_str(&one)) || !buf_addc(out, '\n'))) {
		errno = EFBIG;
		r = -1;
	}
	buf_free(&one);
	return r;
}

static int add_folder(int etc, const char *name, struct buf *out)
{
	struct dirent **list;
	int dir = openat(etc, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -1;
	int n = scandirat(dir, ".", &list, chosen, alphasort);
	int r = n < 0 ? -1 : 0;
	for (int i = 0; i < n; i++) {
		struct stat st;
		if (r == 0 && fstatat(dir, list[i]->d_name, &st, 0) == 0 && S_ISREG(st.st_mode))
			r = add_file(dir, list[i]->d_name, out);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
	int e = errno;
	close(dir);
	errno = e;
	return r;
}

int config_text(const char *etc, const char *name, struct buf *out)
{
	struct stat st;
	int dir = open(etc, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -1;
	int r = 0;
	if (fstatat(dir, name, &st, 0) == 0) {
		r = S_ISDIR(st.st_mode) ? add_folder(dir, name, out) : add_file(dir, name, out);
		r = r < 0 ? -1 : 1;
	} else if (errno != ENOENT)
		r = -1;
	if (r < 0)
		log_error(NULL, "cannot read '%s/%s': %m", etc, name);
	int e = errno;
	close(dir);
	errno = e;
	return r;
}

static struct domains *list_of_text(
    const struct instance *in, const char *name, struct str host, bool *there)
{
	struct buf text;
	buf_init(&text, LIST_MAX);
	int r = config_text(in->etc, name, &text);
	*there = r > 0;
	struct domains *d = r < 0 ? NULL : domains_new(buf_str(&text), host);
	buf_free(&text);
	return d;
}

static struct domains *list_of_table(const struct instance *in, const char *name)
{
	char *path = instance_path(in->etc, name);
	struct domains *d = NULL;
	if (access(path, F_OK) == 0) {
		struct table *t = table_open(path);
		if (t)
			d = domains_of_table(t);
		else
			log_error(NULL, "cannot open '%s': %m", path);
	}
	free(path);
	return d;
}

struct domains *names_list(const struct instance *in, const char *file, struct str me)
{
	bool there;
	char *table = mem_printf("%s.dat", file);
	struct domains *d = list_of_table(in, table);
	free(table);
	return d ? d : list_of_text(in, file, me, &there);
}

static int load_lists(const struct instance *in, const struct config *c, struct names *n)
{
	bool there;
	struct str locals = config_str(c, "submit", "locals", NULL);
	n->locals = domains_new(locals.n ? locals : n->me, n->me);
	n->hosted = list_of_table(in, "hosteddomains.dat");
	if (!n->hosted)
		n->hosted = list_of_text(in, "hosteddomains", n->me, &there);
	n->accept = list_of_text(in, "esmtpacceptmailfor", n->me, &there);
	if (n->accept && !there) {
		domains_free(n->accept);
		n->accept = NULL;
		there = true;
	} else if (!n->accept)
		there = false;
	n->accept_more = list_of_table(in, "esmtpacceptmailfor.dat");
	return n->locals && n->hosted && there ? 0 : -1;
}

/* The name of this host: the file me, where "*." at its front stands for the system's own name. */
struct str names_me(const struct config *c, struct arena *a)
{
	char host[HOST_NAME_MAX + 1] = "";
	struct str me = str_trim(config_str(c, "identity", "me", NULL));
	if (me.n == 0 || str_starts(me, STR("*."))) {
		if (gethostname(host, sizeof(host) - 1) < 0 || !*host)
			return STR("localhost");
		if (me.n == 0)
			me = str_of(host);
		else
			me = str_of(arena_printf(a, "%s%.*s", host, STR_FMT(str_skip(me, 1))));
	}
	char *z = arena_strz(a, me);
	for (char *p = z; p && *p; p++)
		*p = (char)ascii_lower((unsigned char)*p);
	return str_of(z);
}

static struct str lower_setting(const struct config *c, struct arena *a, const char *name)
{
	char *z = arena_strz(a, str_trim(config_str(c, "identity", name, NULL)));
	for (char *p = z; p && *p; p++)
		*p = (char)ascii_lower((unsigned char)*p);
	return str_of(z);
}

int names_load(const struct instance *in, const struct config *c, struct arena *a, struct names *n)
{
	*n = (struct names){0};
	n->me = names_me(c, a);
	n->defaultdomain = lower_setting(c, a, "defaultdomain");
	n->msgidhost = lower_setting(c, a, "msgidhost");
	if (n->defaultdomain.n == 0)
		n->defaultdomain = n->me;
	n->uucpme = arena_str(a, str_trim(config_str(c, "identity", "uucpme", NULL)));
	if (n->uucpme.n == 0)
		str_split(&(struct str){n->me.p, n->me.n}, '.', &n->uucpme);
	if (n->msgidhost.n == 0)
		n->msgidhost = n->me;
	n->lowercase = config_is_set(c, "submit", "locallowercase");
	struct str seps = str_trim(config_str(c, "submit", "defaultsep", NULL));
	size_t count = seps.n < sizeof(n->separators) ? seps.n : sizeof(n->separators) - 1;
	if (count)
		memcpy(n->separators, seps.p, count);
	if (load_lists(in, c, n) == 0)
		return 0;
	names_free(n);
	return -1;
}

void names_free(struct names *n)
{
	domains_free(n->locals);
	domains_free(n->hosted);
	domains_free(n->accept);
	domains_free(n->accept_more);
	n->locals = n->hosted = n->accept = n->accept_more = NULL;
}
