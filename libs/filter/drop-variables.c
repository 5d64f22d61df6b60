#include "config.h"

#include "base/child.h"
#include "filter/drop-private.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { DEFAULT_MAX = 65536 };

static void set(struct drop *d, const char *name, const char *value)
{
	filter_set(d->run, str_of(name), str_of(value ? value : ""));
}

/* "%u" and "%h" filled in.  To be freed. */
static char *default_mailbox(struct drop *d)
{
	const struct drop_person *who = &d->call->who;
	struct buf b;
	buf_init(&b, DEFAULT_MAX);
	for (const char *p = d->call->set.default_mailbox; *p; p++) {
		if (*p == '%' && (p[1] == 'u' || p[1] == 'h'))
			buf_addz(&b, *++p == 'u' ? who->name : who->home);
		else
			buf_addc(&b, *p);
	}
	if (b.failed)
		buf_clear(&b); /* a default mailbox without name is told where it is needed */
	return b.p;
}

static const char *sendmail_of(const struct drop *d)
{
	if (*d->call->set.sendmail)
		return d->call->set.sendmail;
	return access(BINDIR "/sendmail", X_OK) == 0 ? BINDIR "/sendmail -oi"
						     : "/usr/sbin/sendmail -oi";
}

void drop_variables_fixed(struct drop *d)
{
	const struct drop_person *who = &d->call->who;
	char *mail = who->maildir ? mem_strdup(who->maildir) : default_mailbox(d);
	set(d, "HOME", who->home);
	set(d, "LOGNAME", who->name);
	set(d, "SHELL", who->shell);
	set(d, "PATH", "/bin:/usr/bin:/usr/local/bin");
	set(d, "SENDMAIL", sendmail_of(d));
	set(d, "DEFAULT", mail);
	set(d, "LOCKEXT", ".lock");
	set(d, "LOCKSLEEP", d->call->set.lock_sleep);
	set(d, "LOCKTIMEOUT", d->call->set.lock_timeout);
	set(d, "LOCKREFRESH", d->call->set.lock_refresh);
	free(mail);
}

static int count_lines(void *ctx, const void *text, size_t n)
{
	size_t *lines = ctx;
	const char *p = text, *end = p + n;
	for (; (p = memchr(p, '\n', (size_t)(end - p))); p++)
		++*lines;
	return 0;
}

void drop_variables_size(struct drop *d)
{
	struct filter_message m = filter_message_of(d->run);
	char text[30];
	size_t lines = 0;
	drop_in_windows(d, m.bytes, count_lines, &lines);
	snprintf(text, sizeof text, "%zu", lines);
	set(d, "LINES", text);
	snprintf(text, sizeof text, "%zu", m.extra.n + m.bytes.n);
	set(d, "SIZE", text);
}

static void import_environment(struct drop *d, bool all)
{
	for (char *const *e = d->call->env; *e; e++) {
		struct str value = str_of(*e), name;
		str_split(&value, '=', &name);
		if (all || str_is(name, "LANG") || str_is(name, "LANGUAGE") ||
		    str_starts(name, STR("LC_")))
			filter_set(d->run, name, value);
	}
	filter_environment(d->run, d->call->env);
}

/* The mail server has set these for us; it, not a stranger, is our caller. */
static void import_from_server(struct drop *d)
{
	static const char *const names[] = {"HOME", "SHELL", "LOGNAME", "MAILDIRQUOTA"};
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const char *value = child_env(d->call->env, str_of(names[i]));
		if (value && *value)
			set(d, names[i], value);
	}
	const char *box = child_env(d->call->env, STR("MAILDROPDEFAULT"));
	if (box)
		set(d, "DEFAULT", box);
}

static void set_from(struct drop *d)
{
	if (d->call->from) {
		set(d, "FROM", d->call->from);
		return;
	}
	struct str path = str_trim(filter_header(d->run, "Return-Path"));
	if (!path.p || !path.n) {
		set(d, "FROM", "MAILER-DAEMON");
		return;
	}
	if (path.n > 1 && path.p[0] == '<' && path.p[path.n - 1] == '>')
		path = str_at(path.p + 1, path.n - 2);
	filter_set(d->run, STR("FROM"), path);
}

static void set_arguments(struct drop *d)
{
	char name[20];
	for (unsigned i = 0; d->call->args && d->call->args[i]; i++) {
		snprintf(name, sizeof name, "%u", i + 1);
		set(d, name, d->call->args[i]);
	}
}

void drop_variables(struct drop *d)
{
	const struct drop_call *c = d->call;
	char text[20], hostname[256] = "";
	import_environment(d, c->file && !c->embedded);
	drop_variables_fixed(d);
	set(d, "MAILDIRQUOTA", c->who.quota);
	if (c->told)
		import_from_server(d);
	gethostname(hostname, sizeof hostname - 1);
	set(d, "HOSTNAME", hostname);
	set(d, "UMASK", "077");
	set(d, "EXITCODE", "0");
	set(d, "MAILFILTER", c->filter ? c->filter : c->file);
	if (c->verbose) {
		snprintf(text, sizeof text, "%d", c->verbose);
		set(d, "VERBOSE", text);
	}
	set_arguments(d);
	set_from(d);
	drop_variables_size(d);
}
