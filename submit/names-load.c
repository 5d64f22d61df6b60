/* Reading the lists of names out of the configuration folder. */
#include "config.h"

#include "config/folder.h"
#include "submit/settings.h"
#include <stdlib.h>
#include <unistd.h>

enum { LIST_MAX = 64 * 1024 * 1024 };

/* NAME.VHOST where there is one, else NAME. */
static char *file_name(const struct instance *in, const char *name, const char *vhost)
{
	if (vhost) {
		char *own = mem_printf("%s.%s", name, vhost), *path = instance_path(in->etc, own);
		bool there = access(path, F_OK) == 0;
		free(path);
		if (there)
			return own;
		free(own);
	}
	return mem_strdup(name);
}

static void tell_faults(const char *name, const struct domains *d)
{
	unsigned first, n = d ? domains_faults(d, &first) : 0;
	if (n)
		log_warning(
		    NULL, "%s: line %u is no domain; %u lines are left out", name, first, n);
}

static struct domains *list_of_text(
    const struct instance *in, const char *name, const char *vhost, struct str host, bool *there)
{
	struct buf text;
	char *file = file_name(in, name, vhost);
	buf_init(&text, LIST_MAX);
	int r = config_text(in->etc, file, false, &text);
	*there = r > 0;
	struct domains *d = r < 0 ? NULL : domains_new(buf_str(&text), host);
	tell_faults(file, d);
	buf_free(&text);
	free(file);
	return d;
}

/* The same, or NULL with *good true when there is no such file. */
static struct domains *list_if_there(
    const struct instance *in, const char *name, const char *vhost, struct str host, bool *good)
{
	bool there;
	struct domains *d = list_of_text(in, name, vhost, host, &there);
	*good &= d != NULL;
	if (there)
		return d;
	domains_free(d);
	return NULL;
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
	return d ? d : list_of_text(in, file, NULL, me, &there);
}

static int load_lists(
    const struct instance *in, const struct config *c, const char *vhost, struct names *n)
{
	bool there, good = true;
	struct str locals = config_str(c, "submit", "locals", vhost);
	n->locals = domains_new(locals.n ? locals : n->me, n->host);
	tell_faults("locals", n->locals);
	n->hosted = list_of_table(in, "hosteddomains.dat");
	if (!n->hosted)
		n->hosted = list_of_text(in, "hosteddomains", vhost, n->host, &there);
	n->accept = list_if_there(in, "esmtpacceptmailfor", vhost, n->host, &good);
	n->accept_more = list_of_table(in, "esmtpacceptmailfor.dat");
	n->percent = list_if_there(in, "esmtppercentrelay", vhost, n->host, &good);
	n->percent_more = list_of_table(in, "esmtppercentrelay.dat");
	return n->locals && n->hosted && good ? 0 : -1;
}

static struct str take(struct arena *a, char *own)
{
	char *z = arena_strz(a, str_of(own));
	free(own);
	return str_of(z);
}

/* The first line of the file me, or the system's name. */
struct str names_me(const struct config *c, const char *vhost, struct arena *a)
{
	return take(a, config_own_name(c, vhost));
}

static struct str lower_setting(
    const struct config *c, const char *vhost, struct arena *a, const char *name)
{
	char *z = arena_strz(a, str_trim(config_str(c, "identity", name, vhost)));
	for (char *p = z; p && *p; p++)
		*p = (char)ascii_lower((unsigned char)*p);
	return str_of(z);
}

int names_load(const struct instance *in, const struct config *c, const char *vhost,
    struct arena *a, struct names *n)
{
	*n = (struct names){0};
	n->me = names_me(c, vhost, a);
	n->host = take(a, config_host_name());
	n->defaultdomain = lower_setting(c, vhost, a, "defaultdomain");
	n->msgidhost = lower_setting(c, vhost, a, "msgidhost");
	if (n->defaultdomain.n == 0)
		n->defaultdomain = n->me;
	n->uucpme = arena_str(a, str_trim(config_str(c, "identity", "uucpme", NULL)));
	if (n->uucpme.n == 0)
		str_split(&(struct str){n->me.p, n->me.n}, '.', &n->uucpme);
	if (n->msgidhost.n == 0)
		n->msgidhost = n->me;
	n->lowercase = config_is_set(c, "submit", "locallowercase") ||
		       config_is_own(c, "submit", "locallowercase", vhost);
	struct str seps = str_trim(config_str(c, "submit", "defaultsep", vhost));
	size_t count = seps.n < sizeof(n->separators) ? seps.n : sizeof(n->separators) - 1;
	if (count)
		memcpy(n->separators, seps.p, count);
	if (load_lists(in, c, vhost, n) == 0)
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
	domains_free(n->percent);
	domains_free(n->percent_more);
	n->locals = n->hosted = n->accept = n->accept_more = n->percent = n->percent_more = NULL;
}
