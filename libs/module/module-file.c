#include "config.h"

#include "module/module-file.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

struct known {
	const char *name, *priority, *maxdels, *maxrcpt, *claim, *ask, *rewrite;
};

/* What a file of one of these names means when it does not say so itself: those of earlier
 * releases know no CLAIM. */
static const struct known known[] = {
    {"local", "10", "10", "1", "local", "0", ""},
    {"esmtp", "50", "40", "100", "remote", "0", ""},
    {"dsn", "99", "4", "1", "", "0", ""},
    {"uucp", "5", "4", "1", "bang", "1", "bang"},
    {"fax", "45", "4", "1", "@fax @fax-*", "1", ""},
};
static const struct known unknown = {"", "50", "4", "1", "", "0", ""};

static const struct known *defaults(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (str_is(name, known[i].name))
			return &known[i];
	return &unknown;
}

static bool valid_claim(struct str value)
{
	struct str word;
	struct module_claim c;
	size_t n = 0;
	while (str_word(&value, &word))
		if (!module_claim_parse(word, &c) || ++n > MODULE_CLAIMS_MAX)
			return false;
	return true;
}

static bool valid_rewrite(struct str value)
{
	return value.n == 0 || str_is(value, "bang");
}

/* Such a process parses what strangers have written. */
static bool valid_user(struct str value)
{
	return !str_is(value, "root") && !str_is(value, "0");
}

enum { PRIORITY, MAXDELS, MAXHOST, MAXRCPT, PROG, NAME, USER, CLAIM, ASK, REWRITE, ROWS };

static const struct config_setting rows[ROWS] = {
    [PRIORITY] = {.name = "PRIORITY",
	.type = CONFIG_INT,
	.max = MODULE_PRIORITY_MAX,
	.help = "who is asked first about an address: the smallest"},
    [MAXDELS] = {.name = "MAXDELS",
	.type = CONFIG_INT,
	.min = 1,
	.max = MODULE_LIMIT_MAX,
	.help = "deliveries at a time"},
    [MAXHOST] = {.name = "MAXHOST",
	.type = CONFIG_INT,
	.def = "4",
	.min = 1,
	.max = MODULE_LIMIT_MAX,
	.help = "deliveries to one host at a time"},
    [MAXRCPT] = {.name = "MAXRCPT",
	.type = CONFIG_INT,
	.min = 1,
	.max = MODULE_LIMIT_MAX,
	.help = "recipients of one delivery"},
    [PROG] = {.name = "PROG", .type = CONFIG_STRING, .help = "the program; empty: input alone"},
    [NAME] = {.name = "NAME", .type = CONFIG_STRING, .help = "the module's name"},
    [USER] = {.name = "USER",
	.type = CONFIG_STRING,
	.valid = valid_user,
	.help = "the user and group that it runs as"},
    [CLAIM] = {.name = "CLAIM",
	.type = CONFIG_STRING,
	.valid = valid_claim,
	.help = "which addresses it takes"},
    [REWRITE] = {.name = "REWRITE",
	.type = CONFIG_STRING,
	.valid = valid_rewrite,
	.help = "the form of addresses in mail that it brings in: empty, or bang"},
    [ASK] = {.name = "ASK", .type = CONFIG_BOOL, .help = "ask it about each of these"},
};

static char *program_path(struct str prog)
{
	if (str_starts(prog, STR("./"))) /* as files of the original have it */
		prog = str_skip(prog, 2);
	if (prog.n == 0)
		return NULL;
	if (prog.p[0] == '/')
		return mem_strndup(prog.p, prog.n);
	return mem_printf("%s/%.*s", LIBEXECDIR, STR_FMT(prog));
}

static void take_claims(struct module_file *f, struct str words)
{
	struct str rest, word;
	f->words = mem_strndup(words.p ? words.p : "", words.n);
	for (char *p = f->words; *p; p++)
		*p = (char)ascii_lower((unsigned char)*p);
	rest = str_of(f->words);
	while (f->n_claims < MODULE_CLAIMS_MAX && str_word(&rest, &word))
		if (module_claim_parse(word, &f->claims[f->n_claims]))
			f->n_claims++;
}

static unsigned number(const struct config *c, const char *name)
{
	return (unsigned)config_int(c, "module", name, NULL);
}

static void take(struct module_file *f, const struct config *c)
{
	struct str user = str_trim(config_str(c, "module", "USER", NULL));
	f->priority = (int)number(c, "PRIORITY");
	f->maxdels = number(c, "MAXDELS");
	f->maxhost = number(c, "MAXHOST");
	f->maxrcpt = number(c, "MAXRCPT");
	f->ask = config_bool(c, "module", "ASK", NULL);
	f->bang = config_str(c, "module", "REWRITE", NULL).n > 0;
	f->prog = program_path(str_trim(config_str(c, "module", "PROG", NULL)));
	f->user = user.n ? mem_strndup(user.p, user.n) : NULL;
	take_claims(f, str_trim(config_str(c, "module", "CLAIM", NULL)));
}

static int load(struct module_file *f, const struct instance *in, const char *file, struct str name)
{
	const struct known *k = defaults(name);
	struct config_setting own[ROWS];
	memcpy(own, rows, sizeof own);
	own[PRIORITY].def = k->priority;
	own[MAXDELS].def = k->maxdels;
	own[MAXRCPT].def = k->maxrcpt;
	own[CLAIM].def = k->claim;
	own[ASK].def = k->ask;
	own[REWRITE].def = k->rewrite;
	const struct config_component c = {
	    .name = "module", .file = file, .settings = own, .n = ROWS, .foreign_ok = true};
	const struct config_component *const one[] = {&c};
	struct config *cfg = config_load(in, one, 1, NULL);
	if (!cfg)
		return -1;
	*f = (struct module_file){0};
	snprintf(f->name, sizeof f->name, "%.*s", STR_FMT(name));
	take(f, cfg);
	config_drop(cfg);
	return 0;
}

static int order(const void *a, const void *b)
{
	const struct module_file *x = a, *y = b;
	if (x->priority != y->priority)
		return x->priority < y->priority ? -1 : 1;
	return strcmp(x->name, y->name);
}

int module_files_load(struct module_files *f, const struct instance *in)
{
	DIR *d = opendir(in->etc);
	int r = 0;
	f->n = 0;
	if (!d) {
		log_error(NULL, "cannot read the folder '%s': %m", in->etc);
		return -1;
	}
	for (struct dirent *e; r == 0 && (e = readdir(d));) {
		struct str name = module_file_name(str_of(e->d_name));
		if (!name.p)
			continue;
		if (f->n == MODULE_FILES_MAX) {
			log_error(NULL, "more than %d module files in '%s'; remove some",
			    MODULE_FILES_MAX, in->etc);
			r = -1;
		} else if ((r = load(&f->v[f->n], in, e->d_name, name)) == 0)
			f->n++;
	}
	closedir(d);
	if (r < 0)
		module_files_free(f);
	else
		qsort(f->v, f->n, sizeof f->v[0], order);
	return r;
}

void module_files_free(struct module_files *f)
{
	for (size_t i = 0; i < f->n; i++) {
		free(f->v[i].prog);
		free(f->v[i].user);
		free(f->v[i].words);
	}
	f->n = 0;
}
