/* The configuration of a new instance: the shipped files, with names, ports and addresses filled
 * in. */
#include "config.h"

#include "courierd/init.h"
#include "tls/tls.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX = 1024 * 1024 };

static int put(struct init_plan *p, const char *name, const char *text)
{
	char *path = instance_path(p->in.etc, name);
	int r = file_replace(-1, path, text, strlen(text), 0644) < 0 ? init_fail("write", path) : 0;
	free(path);
	return r;
}

static int put_line(struct init_plan *p, const char *name, const char *line)
{
	char *text = mem_printf("%s\n", line);
	int r = put(p, name, text);
	free(text);
	return r;
}

static int copy_file(const char *from, const char *to)
{
	struct buf b;
	buf_init(&b, FILE_MAX);
	int r = file_read(-1, from, &b) < 0 ? init_fail("read", from) : 0;
	if (r == 0 && file_replace(-1, to, b.p, b.n, 0644) < 0)
		r = init_fail("write", to);
	buf_free(&b);
	return r;
}

/* Every shipped file, folders included; what is there already stays. */
static int copy_folder(const char *from, const char *to)
{
	DIR *d = opendir(from);
	struct dirent *e;
	int r = 0;
	if (!d)
		return init_fail("read the shipped configuration in", from);
	while (r == 0 && (e = readdir(d))) {
		struct stat st;
		if (e->d_name[0] == '.')
			continue;
		char *src = instance_path(from, e->d_name), *dst = instance_path(to, e->d_name);
		if (stat(src, &st) == 0 && S_ISDIR(st.st_mode)) {
			r = file_mkdirs(-1, dst, 0755) < 0 ? init_fail("make the folder", dst)
							   : copy_folder(src, dst);
		} else if (access(dst, F_OK) < 0) {
			r = copy_file(src, dst);
		}
		free(src);
		free(dst);
	}
	closedir(d);
	return r;
}

/* NAME=value in a file: the line that sets it is replaced, or one is added. */
static int set_value(struct init_plan *p, const char *file, const char *name, const char *value)
{
	struct buf old, fresh;
	char *path = instance_path(p->in.etc, file);
	bool done = false;
	buf_init(&old, FILE_MAX);
	buf_init(&fresh, FILE_MAX);
	int r = file_read(-1, path, &old) < 0 && errno != ENOENT ? init_fail("read", path) : 0;
	struct str rest = buf_str(&old), line;
	size_t n = strlen(name);
	while (str_split(&rest, '\n', &line)) {
		if (!rest.p && !line.n)
			break;
		if (str_starts(line, str_of(name)) && line.n > n && line.p[n] == '=') {
			if (!done)
				buf_addf(&fresh, "%s=%s\n", name, value);
			done = true;
			continue;
		}
		buf_adds(&fresh, line);
		buf_addc(&fresh, '\n');
	}
	if (!done)
		buf_addf(&fresh, "%s=%s\n", name, value);
	if (r == 0 && file_replace(-1, path, fresh.p, fresh.n, 0644) < 0)
		r = init_fail("write", path);
	buf_free(&old);
	buf_free(&fresh);
	free(path);
	return r;
}

/* A server that this build leaves out has no settings. */
static bool has_file(const struct init_plan *p, const char *name)
{
	char *path = instance_path(p->in.etc, name);
	bool there = access(path, F_OK) == 0;
	free(path);
	return there;
}

static int set_ports(struct init_plan *p)
{
	static const struct {
		const char *file, *port, *address;
		enum init_port which;
	} services[] = {
	    {"esmtpd", "PORT", "ADDRESS", INIT_SMTP},
	    {"esmtpd-msa", "PORT", "ADDRESS", INIT_SUBMISSION},
	    {"esmtpd-ssl", "SSLPORT", "SSLADDRESS", INIT_SMTPS},
	    {"imapd", "PORT", "ADDRESS", INIT_IMAP},
	    {"imapd-ssl", "SSLPORT", "SSLADDRESS", INIT_IMAPS},
	    {"pop3d", "PORT", "ADDRESS", INIT_POP3},
	    {"pop3d-ssl", "SSLPORT", "SSLADDRESS", INIT_POP3S},
	};
	bool v6 = access("/proc/net/if_inet6", F_OK) == 0;
	for (size_t i = 0; i < ARRAY_LEN(services); i++) {
		char port[8];
		if (!has_file(p, services[i].file))
			continue;
		snprintf(port, sizeof port, "%u", p->ports[services[i].which]);
		if (set_value(p, services[i].file, services[i].port, port) < 0 ||
		    set_value(p, services[i].file, services[i].address,
			v6 ? "\"127.0.0.1,::1\"" : "127.0.0.1") < 0)
			return -1;
	}
	return 0;
}

/* On the ports of the loopback nobody's mail comes from outside, and senders' domains may be made
 * up. */
static int no_sender_look_up(struct init_plan *p)
{
	return set_value(p, "esmtpd",
	    "# An instance on ports of its own: senders' domains need not exist.\nBOFHCHECKDNS",
	    "0");
}

static int certificate(struct init_plan *p)
{
	const char *const names[] = {p->host, p->domain, "localhost", "127.0.0.1", "::1"};
	char *path = instance_path(p->in.etc, "esmtpd.pem"), *why = NULL;
	int r = tls_make_self_signed(path, names, ARRAY_LEN(names), &why);
	if (r < 0) {
		fprintf(stderr, "courier: no certificate: %s\n", why ? why : path);
		free(why);
	} else {
		r = init_own(p, path, MAILUSER "-key", 0600);
	}
	free(path);
	return r;
}

/* The host's own name is local: reports to the senders that sendmail makes up come back there. */
static int put_locals(struct init_plan *p)
{
	char *text = mem_printf("localhost\n%s\n", p->host);
	int r = strcmp(p->host, p->domain) == 0 ? put_line(p, "locals", "localhost")
						: put(p, "locals", text);
	free(text);
	return r;
}

/* The installation itself: what is missing is added, what is there stays as it is. */
static int init_system_config(struct init_plan *p)
{
	char *pem = instance_path(p->in.etc, "esmtpd.pem");
	bool have = access(pem, F_OK) == 0;
	free(pem);
	if (copy_folder(PKGDATADIR "/etc", p->in.etc) < 0)
		return -1;
	return have ? 0 : certificate(p);
}

int init_config(struct init_plan *p)
{
	if (p->system)
		return init_system_config(p);
	if (copy_folder(PKGDATADIR "/etc", p->in.etc) < 0 || set_ports(p) < 0 ||
	    no_sender_look_up(p) < 0)
		return -1;
	if (put_line(p, "me", p->host) < 0 || put_line(p, "defaultdomain", p->domain) < 0 ||
	    put_locals(p) < 0 || put_line(p, "hosteddomains", p->domain) < 0)
		return -1;
	return certificate(p);
}
