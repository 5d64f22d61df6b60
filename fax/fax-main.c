/* The fax module: which numbers are dialled for whom, and faxes on their way. */
#include "config.h"

#include "fax/fax-job.h"
#include "unicode/unicode.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

static struct fax fax;

/* ---- claims ---------------------------------------------------------------------------------- */

static void refuse(struct claim_answer *out, uint16_t code, struct str status, struct str text)
{
	*out = (struct claim_answer){
	    .claim = CLAIM_REFUSE, .code = code, .status = status, .diagnostic = text};
}

/* NAME or NAME=value on a line of its own. */
static bool is_set(struct str env, const char *name)
{
	struct str line;
	size_t n = strlen(name);
	while (str_split(&env, '\n', &line))
		if (str_starts(line, str_of(name)) && (line.n == n || line.p[n] == '='))
			return true;
	return false;
}

/* Faxes cost money: from the network, only who is named for it or has logged in sends them. */
static bool may_fax(const struct claim_ask *q, struct str source)
{
	return q->queued || !str_is(source, "esmtp") || q->login.n ||
	       is_set(q->env, "FAXRELAYCLIENT");
}

static void claim(
    struct service *s UNUSED, struct arena *a, const struct claim_ask *q, struct claim_answer *out)
{
	struct fax_options options;
	struct fax_number number;
	struct str source = fax_source(q->source);
	if (!fax_options_parse(q->domain, &options))
		refuse(out, 550, STR("5.1.3"),
		    STR("The words behind @fax are -lowres, -ignore and -cover"));
	else if (!fax_number_parse(q->local, &number))
		refuse(out, 550, STR("5.1.3"), STR("This is no number that can be dialled"));
	else if (!may_fax(q, source))
		refuse(out, 513, STR("5.7.1"), STR("Relaying denied: you may send no faxes"));
	else if (!fax_rules_apply(&fax.rules, source, &number))
		refuse(out, 513, STR("5.7.1"), STR("Faxes to this number are not sent from here"));
	else
		*out = (struct claim_answer){.claim = CLAIM_OPEN,
		    .host = STR("fax"),
		    .to = str_of(
			arena_printf(a, "%.*s@%.*s", (int)number.n, number.p, STR_FMT(q->domain)))};
}

/* ---- the service ----------------------------------------------------------------------------- */

/* No rules, no faxes. */
static int take_rules(struct fax *x)
{
	struct buf text;
	struct fax_rules rules;
	char *path = instance_path(service_instance(x->service)->etc, "faxrc");
	buf_init(&text, FAX_TEXT_MAX);
	int r = file_read(-1, path, &text);
	if (r < 0 && errno == ENOENT)
		r = 0;
	else if (r < 0)
		log_error(NULL, "cannot read '%s': %m", path);
	char *copy = mem_strndup(text.p, text.n);
	unsigned line = fax_rules_parse(str_of(copy), &rules);
	if (line)
		log_error(
		    NULL, "'%s', line %u: not rw, accept or reject with its two words", path, line);
	if (r == 0 && line == 0) {
		free(x->rules_text);
		x->rules_text = copy;
		x->rules = rules;
	} else
		free(copy);
	buf_free(&text);
	free(path);
	return r == 0 && line == 0 ? 0 : -1;
}

/* USER of the module file, which is the supervisor's; else its default. */
static const struct passwd *own_user(struct service *s)
{
	struct str name, value;
	char *user = NULL;
	for (size_t at = 0; config_each_assignment(service_config(s), "fax", &at, &name, &value);)
		if (str_is(name, "USER") && value.n) {
			free(user);
			user = mem_strndup(value.p, value.n);
		}
	const struct passwd *pw = getpwnam(user ? user : MAILUSER "-filter");
	free(user);
	return pw;
}

/* Before privileges are dropped: the folder is given to who will work there. */
static int setup(struct service *s)
{
	const struct passwd *pw = geteuid() == 0 ? own_user(s) : NULL;
	log_rename("courierfax");
	fax.service = s;
	fax.folder = instance_path(service_instance(s)->var, "faxtmp");
	if (file_mkdirs(-1, fax.folder, 0700) < 0 ||
	    (pw && lchown(fax.folder, pw->pw_uid, pw->pw_gid) < 0)) {
		log_error(NULL, "cannot make the folder '%s': %m", fax.folder);
		return -1;
	}
	charset_allow_iconv(true);
	return 0;
}

static int start(struct service *s)
{
	if (take_rules(&fax) < 0)
		log_error(NULL, "no faxes are sent until that is mended");
	fax_folder_clean(fax.folder);
	service_ready(s);
	return 0;
}

static void reload(struct service *s UNUSED)
{
	if (take_rules(&fax) < 0)
		log_error(NULL, "the old rules for faxes stay in force");
}

static void deliver(
    struct service *s UNUSED, struct module_delivery *d, struct module_body *b, void *handle)
{
	fax_job_start(&fax, d, b, handle);
}

int main(int argc, char **argv)
{
	static const struct config_component *const components[] = {
	    &config_identity, &fax_component};
	static const struct module_desc desc = {
	    .name = "fax",
	    .service =
		{
		    .components = components,
		    .n_components = ARRAY_LEN(components),
		    .setup = setup,
		    .start = start,
		    .reload = reload,
		},
	    .deliver = deliver,
	    .claim = claim,
	};
	return module_main(&desc, argc, argv);
}
