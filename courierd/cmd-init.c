/* courier init: a complete mail system in one folder. */
#include "config.h"

#include "courierd/init.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	PORT_MIN = 1024,
	PORT_BASE_MAX = 65535 - 995,
	LINE_MAX_ = 1000,
	USERS_FILE_MAX = 64 * 1024 * 1024
};

static int bad(const char *what, const char *subject)
{
	fprintf(stderr, "courier: %s: '%s'\n", what, subject);
	return -1;
}

static bool name_ok(struct str s)
{
	if (s.n == 0 || s.n > 64 || s.p[0] == '.' || s.p[0] == '-')
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_alnum((unsigned char)s.p[i]) && !memchr("._-", s.p[i], 3))
			return false;
	return true;
}

static bool domain_ok(struct str s)
{
	return s.n < 254 && name_ok(s) && str_find(s, STR("..")) < 0 && str_chr(s, '_') < 0;
}

static char *password_from_input(void)
{
	char line[LINE_MAX_];
	if (isatty(0))
		fprintf(stderr, "password: ");
	if (!fgets(line, sizeof line, stdin))
		return NULL;
	line[strcspn(line, "\r\n")] = 0;
	char *copy = mem_strdup(line);
	mem_wipe(line, sizeof line);
	return copy;
}

/* NAME:PASSWORD, or NAME:- for a password on standard input. */
static int add_user(struct init_plan *p, struct str spec)
{
	ptrdiff_t colon = str_chr(spec, ':');
	struct str name = colon < 0 ? spec : str_head(spec, (size_t)colon);
	struct str password = colon < 0 ? STR_NONE : str_skip(spec, (size_t)colon + 1);
	struct init_account a;
	if (colon < 0 || !name_ok(name) || password.n == 0) {
		char *z = mem_strndup(name.p, name.n);
		int r = bad("an account is NAME:PASSWORD (letters, digits, '.', '_', '-'), not", z);
		free(z);
		return r;
	}
	a.name = mem_strndup(name.p, name.n);
	for (char *c = a.name; *c; c++)
		*c = (char)ascii_lower((unsigned char)*c);
	a.password =
	    str_is(password, "-") ? password_from_input() : mem_strndup(password.p, password.n);
	if (!a.password || !*a.password)
		return bad("no password for", a.name);
	vec_push(&p->accounts, a);
	return 0;
}

static int add_users_file(struct init_plan *p, const char *path)
{
	struct buf b;
	buf_init(&b, USERS_FILE_MAX);
	int r = file_read(-1, path, &b) < 0 ? init_fail("read", path) : 0;
	struct str rest = buf_str(&b), line;
	while (r == 0 && str_split(&rest, '\n', &line)) {
		line = str_trim(line);
		if (line.n && line.p[0] != '#')
			r = add_user(p, line);
	}
	mem_wipe(b.p, b.n);
	buf_free(&b);
	return r;
}

static int set_base(struct init_plan *p, const char *text)
{
	uint64_t v;
	if (strcmp(text, "auto") == 0) {
		p->port_base = -1;
		return 0;
	}
	if (!str_u64(str_of(text), &v) || v < PORT_MIN || v > PORT_BASE_MAX)
		return bad("--port-base is auto or a number from 1024 to 64540, not", text);
	p->port_base = (int)v;
	return 0;
}

static int parse(struct init_plan *p, int argc, char **argv)
{
	static const struct option options[] = {
	    {"domain", required_argument, NULL, 'd'},
	    {"port-base", required_argument, NULL, 'p'},
	    {"user", required_argument, NULL, 'u'},
	    {"users-file", required_argument, NULL, 'f'},
	    {"mail-user", required_argument, NULL, 'm'},
	    {"system", no_argument, NULL, 's'},
	    {0},
	};
	int c, r = 0;
	while (r == 0 && (c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'd':
			p->domain = optarg;
			break;
		case 'p':
			r = set_base(p, optarg);
			break;
		case 'u':
			r = add_user(p, str_of(optarg));
			break;
		case 'f':
			r = add_users_file(p, optarg);
			break;
		case 'm':
			p->mail_user = optarg;
			break;
		case 's':
			p->system = true;
			break;
		default:
			r = -1;
		}
	}
	if (r < 0)
		return r;
	if (p->system) {
		bool alone = optind == argc && !p->accounts.n && p->port_base < 0;
		return alone ? 0
			     : bad("--system goes with --domain and --mail-user only, not with",
				   argv[optind - 1]);
	}
	if (optind != argc - 1)
		return bad("usage: courier init DIR [options]; the folder is", "missing");
	p->dir = argv[optind];
	return 0;
}

static char *system_name(void)
{
	char name[256];
	if (gethostname(name, sizeof name) < 0)
		return mem_strdup("localhost.localdomain");
	name[sizeof name - 1] = 0;
	return strchr(name, '.') ? mem_strdup(name) : mem_printf("%s.localdomain", name);
}

static int choose_names(struct init_plan *p)
{
	char *own = system_name();
	if (!p->domain)
		p->domain = own;
	if (!domain_ok(str_of(p->domain)))
		return bad("this is no domain", p->domain);
	char *lower = mem_strdup(p->domain);
	for (char *c = lower; *c; c++)
		*c = (char)ascii_lower((unsigned char)*c);
	p->domain = lower;
	p->host = mem_printf("mail.%s", p->domain);
	return 0;
}

static int choose_owner(struct init_plan *p)
{
	p->root = geteuid() == 0;
	p->mail_uid = geteuid();
	p->mail_gid = getegid();
	if (!p->root)
		return 0;
	if (system_users_make(p->mail_user) < 0)
		return -1;
	struct passwd *pw = getpwnam(p->mail_user);
	if (!pw || pw->pw_uid == 0)
		return bad("mailboxes cannot belong to", p->mail_user);
	p->mail_uid = pw->pw_uid;
	p->mail_gid = pw->pw_gid;
	return 0;
}

/* Absolute, whatever the folder is called from; it need not exist yet. */
static int absolute(struct init_plan *p)
{
	char cwd[PATH_MAX];
	if (p->dir[0] == '/')
		return 0;
	if (!getcwd(cwd, sizeof cwd))
		return init_fail("find", p->dir);
	p->dir = instance_path(cwd, p->dir);
	return 0;
}

static int fresh(struct init_plan *p)
{
	char *etc = instance_path(p->dir, "etc");
	int r = access(etc, F_OK) == 0 ? bad("there is an instance already in", p->dir) : 0;
	free(etc);
	return r;
}

static void fill_instance(struct init_plan *p)
{
	p->in.home = mem_strdup(p->dir);
	p->in.etc = instance_path(p->dir, "etc");
	p->in.var = instance_path(p->dir, "var");
	p->in.log = instance_path(p->dir, "log");
	p->in.mail = instance_path(p->dir, "mail");
	p->in.run = instance_path(p->in.var, "run");
}

static void tell(const struct init_plan *p)
{
	printf("instance in %s\n  domain %s, host %s, %zu account%s\n", p->dir, p->domain, p->host,
	    p->accounts.n, p->accounts.n == 1 ? "" : "s");
	printf("  ports on 127.0.0.1 and ::1: smtp %u, submission %u, smtps %u, imap %u, imaps %u, "
	       "pop3 %u, pop3s %u\n",
	    p->ports[INIT_SMTP], p->ports[INIT_SUBMISSION], p->ports[INIT_SMTPS],
	    p->ports[INIT_IMAP], p->ports[INIT_IMAPS], p->ports[INIT_POP3], p->ports[INIT_POP3S]);
	printf("start it: courier -C %s start\n", p->dir);
}

/* The installed system: users, folders, certificate and tables, so that courier start works. */
static int init_system(struct init_plan *p)
{
	char *why = NULL;
	unsetenv("COURIER_HOME");
	if (instance_find(&p->in, NULL, &why) < 0) {
		fprintf(stderr, "courier: %s\n", why);
		return EXIT_FAILURE;
	}
	if (choose_names(p) < 0 || choose_owner(p) < 0 || init_folders(p) < 0 ||
	    init_config(p) < 0 || init_tables(p) < 0)
		return EXIT_FAILURE;
	printf("the system in %s is prepared; say who it is in %s/me, defaultdomain, locals and "
	       "hosteddomains, then: courier check, courier start\n",
	    PREFIX, p->in.etc);
	return EXIT_SUCCESS;
}

int cmd_init(const struct instance *unused, int argc, char **argv)
{
	struct init_plan p = {.port_base = -1, .mail_user = MAILUSER "-mail"};
	umask(022);
	if (parse(&p, argc, argv) < 0)
		return EXIT_BAD_USAGE;
	if (p.system)
		return init_system(&p);
	if (choose_names(&p) < 0 || absolute(&p) < 0 || fresh(&p) < 0 || choose_owner(&p) < 0)
		return EXIT_FAILURE;
	fill_instance(&p);
	if (init_folders(&p) < 0 || init_ports(&p) < 0 || init_config(&p) < 0 ||
	    init_accounts(&p) < 0 || init_tables(&p) < 0)
		return EXIT_FAILURE;
	tell(&p);
	return EXIT_SUCCESS;
}
