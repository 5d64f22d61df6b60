#include "config.h"

#include "fax/fax-folder.h"
#include "fax/fax-job.h"

#include <errno.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	JOB_ARENA_MAX = 4 * FAX_MESSAGE_MAX,
	POLL_MS = 60 * 1000,
	OUTPUT_MAX = 64 * 1024,
	ENV_MAX = 10,
	WORDS_MAX = 32,
};
#define MEMORY_MAX ((uint64_t)1 << 30)
#define FILE_MAX   ((uint64_t)256 << 20)
#define FILTERS    LIBEXECDIR "/faxmail"

struct job {
	struct fax *x;
	struct module_delivery *d;
	struct module_body *body;
	void *handle;
	struct arena *arena;
	struct fax_document document;
	struct fax_options options;
	struct str number;
	char *folder;
	size_t part; /* at work; document.n: the cover page */
	const char **pages;
	int n_pages;
	int64_t looks; /* at the modem's lock */
	struct timer *again;
};

static void next_part(struct job *j);
static void wait_for_modem(void *ctx);

static int64_t setting(const struct job *j, const char *name)
{
	return config_int(service_config(j->x->service), "fax", name, NULL);
}

/* ---- the end --------------------------------------------------------------------------------- */

static void finish(struct job *j, const struct module_result *r)
{
	for (size_t i = 0; i < j->d->n_rcpts; i++)
		module_result(j->handle, j->d->rcpts[i].num, r);
	module_done(j->handle);
	if (j->folder)
		fax_folder_remove(j->folder);
	free(j->folder);
	timer_free(j->again);
	arena_free(j->arena);
	free(j);
}

static void give_up(struct job *j, const char *status, struct str why)
{
	struct module_result r = {
	    .outcome = MODULE_FAILED, .status = str_of(status), .diagnostic = why};
	finish(j, &r);
}

/* A fax that is too old to be tried again comes back with the reason. */
static void put_off(struct job *j, struct str why)
{
	struct module_result r = {
	    .outcome = MODULE_DEFERRED, .status = STR("4.3.0"), .diagnostic = why};
	if (clock_now() - j->d->arrived >= setting(j, "faxqueuetime")) {
		r.outcome = MODULE_FAILED;
		r.status = STR("4.4.7");
		char *z =
		    arena_printf(j->arena, "the fax could not be sent in time: %.*s", STR_FMT(why));
		if (z)
			r.diagnostic = str_of(z);
	}
	finish(j, &r);
}

static void fault(struct job *j, const char *what)
{
	put_off(j, str_of(arena_printf(j->arena, "%s: %s", what, strerror(errno))));
}

/* ---- programs -------------------------------------------------------------------------------- */

static bool start_program(
    struct job *j, const char *const *argv, bool confined, int64_t seconds, program_done cb)
{
	const struct config *c = service_config(j->x->service);
	const char *env[ENV_MAX] = {"PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
	    "LC_ALL=C.UTF-8", arena_printf(j->arena, "HOME=%s", j->folder),
	    arena_printf(j->arena, "TMPDIR=%s", j->folder),
	    arena_printf(j->arena, "FAX_FORMAT=%s", config_z(c, "fax", "FAXFORMAT", NULL)),
	    arena_printf(j->arena, "FAX_PAPER=%s", config_z(c, "fax", "FAXPAPER", NULL)),
	    arena_printf(j->arena, "FAX_PAGES=%d", (int)setting(j, "FAXPAGES")),
	    j->options.lowres ? "FAX_RESOLUTION=204x98" : "FAX_RESOLUTION=204x196"};
	struct program_spec spec = {
	    .argv = argv,
	    .env = env,
	    .folder = j->folder,
	    .in = -1,
	    .time_ms = seconds * 1000,
	    .output_max = OUTPUT_MAX,
	    .memory_max = confined ? MEMORY_MAX : 0,
	    .file_max = FILE_MAX,
	};
	return program_start(service_loop(j->x->service), &spec, cb, j) != NULL;
}

/* What a converter cannot do it will not be able to do tomorrow; memory and time may differ. */
static void on_converted(void *ctx, const struct program_result *r)
{
	struct job *j = ctx;
	struct buf why;
	if (r->end == PROGRAM_EXITED && r->code == 0) {
		next_part(j);
		return;
	}
	bool later = r->end == PROGRAM_FAILED || (r->end == PROGRAM_EXITED && r->code == 75);
	bool cover = j->part > j->document.n;
	struct str type = cover ? STR("the cover page") : j->document.parts[j->part - 1].type;
	buf_init(&why, 4096);
	buf_addf(&why, "%.*s cannot be made into fax pages: ", STR_FMT(type));
	program_explain(r, cover ? "coverpage" : j->document.parts[j->part - 1].name.p, &why);
	if (later)
		put_off(j, buf_str(&why));
	else
		give_up(j, "5.6.1", buf_str(&why));
	buf_free(&why);
}

/* ---- pages ----------------------------------------------------------------------------------- */

static void convert(struct job *j, size_t place, const char *program, struct str source)
{
	char *in = arena_printf(j->arena, "source.%03zu", place);
	char *out = arena_printf(j->arena, "%03zu", place);
	const char *argv[] = {program, in, out, NULL};
	if (!in || !out || fax_folder_put(j->folder, in, source) < 0) {
		fault(j, "the fax's work folder cannot be written");
		return;
	}
	if (!start_program(j, argv, true, setting(j, "FAXCONVERTTIME"), on_converted))
		fault(j, "a converter cannot be started");
}

static int template(struct job *j, struct buf *out)
{
	char *path = instance_path(service_instance(j->x->service)->etc, "faxcoverpage.tr");
	int r = file_read(-1, path, out);
	if (r < 0)
		log_error(NULL, "cannot read '%s': %m", path);
	free(path);
	return r;
}

static void make_cover(struct job *j)
{
	struct fax_cover *c = &j->document.cover;
	struct buf source, text;
	j->n_pages = fax_folder_pages(j->arena, j->folder, &j->pages);
	c->pages = (unsigned)(j->n_pages < 0 ? 1 : j->n_pages + 1);
	c->number = j->number;
	buf_init(&text, FAX_TEXT_MAX);
	buf_init(&source, 3 * FAX_MESSAGE_MAX);
	if (template(j, &text) < 0)
		fault(j, "the cover page's template cannot be read");
	else if (!fax_cover_compose(c, buf_str(&text), &source))
		give_up(j, "5.3.4", STR("the text is too long for a fax"));
	else
		convert(j, 0, FILTERS "/coverpage", buf_str(&source));
	buf_free(&text);
	buf_free(&source);
}

static void have_pages(struct job *j)
{
	j->n_pages = fax_folder_pages(j->arena, j->folder, &j->pages);
	if (j->n_pages < 0)
		fault(j, "the fax's pages cannot be found");
	else if (j->n_pages == 0)
		give_up(j, "5.6.1", STR("nothing in the message makes a page"));
	else if (j->n_pages > setting(j, "FAXPAGES"))
		give_up(j, "5.3.4",
		    str_of(arena_printf(j->arena, "the fax would have %d pages; %d are allowed",
			j->n_pages, (int)setting(j, "FAXPAGES"))));
	else
		wait_for_modem(j);
}

/* The converter of a part: its path, or NULL when there is none. */
static const char *converter(struct job *j, const struct fax_part *p)
{
	char *path = arena_printf(j->arena, FILTERS "/%.*s", STR_FMT(p->name));
	return path && access(path, X_OK) == 0 ? path : NULL;
}

/* Parts one after the other, the cover page last: it says how many pages there are. */
static void next_part(struct job *j)
{
	while (!j->options.cover && j->part < j->document.n) {
		const struct fax_part *p = &j->document.parts[j->part++];
		const char *program = converter(j, p);
		if (program) {
			convert(j, j->part, program, p->data);
			return;
		}
		if (!j->options.ignore) {
			give_up(j, "5.6.1",
			    str_of(arena_printf(j->arena,
				"an attachment of type %.*s cannot be faxed here (to leave such "
				"ones out, write to NUMBER@fax-ignore)",
				STR_FMT(p->type))));
			return;
		}
	}
	if (j->part <= j->document.n) {
		j->part = j->document.n + 1;
		make_cover(j);
	} else
		have_pages(j);
}

/* ---- the modem ------------------------------------------------------------------------------- */

/* "pages N" is the last of such lines in the program's output. */
static int pages_sent(struct str output)
{
	struct str line;
	uint64_t n = 0;
	while (str_split(&output, '\n', &line))
		if (str_starts(line, STR("pages ")))
			str_u64(str_trim(str_skip(line, 6)), &n);
	return n > 100000 ? 0 : (int)n;
}

static void on_sent(void *ctx, const struct program_result *r)
{
	struct job *j = ctx;
	struct buf why;
	buf_init(&why, 4096);
	if (r->end == PROGRAM_EXITED && r->code == 0) {
		buf_addf(&why, "%d pages sent", j->n_pages);
		struct module_result sent = {.outcome = MODULE_DELIVERED,
		    .status = STR("2.0.0"),
		    .diagnostic = buf_str(&why)};
		finish(j, &sent);
	} else {
		bool later =
		    r->end == PROGRAM_FAILED || (r->end == PROGRAM_EXITED && r->code == 75);
		buf_addf(&why, "%d of %d pages were sent: ", pages_sent(r->output), j->n_pages);
		program_explain(r, "the fax program", &why);
		if (later)
			put_off(j, buf_str(&why));
		else
			give_up(j, r->end == PROGRAM_MISSING ? "5.3.5" : "5.4.0", buf_str(&why));
	}
	buf_free(&why);
}

static void send(struct job *j)
{
	const char **argv =
	    arena_zero(j->arena, ((size_t)j->n_pages + WORDS_MAX + 4) * sizeof *argv);
	struct str word, words = config_str(service_config(j->x->service), "fax", "FAXSEND", NULL);
	size_t n = 0;
	while (argv && n < WORDS_MAX && str_word(&words, &word))
		argv[n++] = arena_strz(j->arena, word);
	if (!argv || n == 0) {
		put_off(j, STR("FAXSEND names no program"));
		return;
	}
	argv[n++] = j->options.lowres ? "low" : "high";
	argv[n++] = arena_strz(j->arena, j->number);
	for (int i = 0; i < j->n_pages; i++)
		argv[n++] = j->pages[i];
	if (!start_program(j, argv, false, setting(j, "FAXSENDTIME"), on_sent))
		fault(j, "the fax program cannot be started");
}

/* There is no good way to be told when a lock goes away. */
static bool locked(const struct job *j)
{
	struct str word, words = config_str(service_config(j->x->service), "fax", "FAXLOCK", NULL);
	bool there = false;
	while (!there && str_word(&words, &word)) {
		char *z = mem_strndup(word.p, word.n);
		there = access(z, F_OK) == 0;
		free(z);
	}
	return there;
}

static void wait_for_modem(void *ctx)
{
	struct job *j = ctx;
	if (!locked(j)) {
		send(j);
		return;
	}
	if (!j->again)
		j->again = timer_new(service_loop(j->x->service), wait_for_modem, j);
	if (j->again && j->looks++ < setting(j, "FAXWAIT"))
		timer_set(j->again, POLL_MS);
	else
		put_off(j, STR("the modem is in use"));
}

/* ---- the beginning --------------------------------------------------------------------------- */

static int read_message(struct job *j, struct str *out)
{
	char *p = arena_alloc(j->arena, (size_t)j->d->size + 1);
	size_t got = 0;
	ssize_t n = 0;
	while (p && got < j->d->size &&
	       (n = module_body_read(j->body, p + got, (size_t)j->d->size - got, got)) > 0)
		got += (size_t)n;
	if (!p)
		errno = ENOMEM;
	*out = str_at(p, got);
	return p && n >= 0 ? 0 : -1;
}

/* "DIALSTRING@fax-options", as our own claim has put it. */
static bool read_address(struct job *j)
{
	struct str to = j->d->n_rcpts ? j->d->rcpts[0].address : STR_NONE;
	ptrdiff_t at = str_rchr(to, '@');
	if (at <= 0 || j->d->n_rcpts > 1)
		return false;
	j->number = str_head(to, (size_t)at);
	return fax_number_valid(j->number) &&
	       fax_options_parse(str_skip(to, (size_t)at + 1), &j->options);
}

void fax_job_start(struct fax *x, struct module_delivery *d, struct module_body *b, void *handle)
{
	struct job *j = mem_new(struct job);
	struct str message;
	*j = (struct job){.x = x, .d = d, .body = b, .handle = handle};
	j->arena = arena_new(JOB_ARENA_MAX);
	if (!j->arena) {
		module_done(handle);
		free(j);
		return;
	}
	if (!read_address(j)) {
		give_up(j, "5.1.3", STR("this is no fax number (MAXRCPT of module.fax must be 1)"));
		return;
	}
	if (d->size > FAX_MESSAGE_MAX) {
		give_up(j, "5.3.4", STR("the message is too large for a fax"));
		return;
	}
	j->folder = mem_printf("%s/%.*s.XXXXXX", x->folder, STR_FMT(d->id));
	if (!mkdtemp(j->folder)) {
		free(j->folder);
		j->folder = NULL;
		fault(j, "no work folder can be made");
	} else if (read_message(j, &message) < 0)
		fault(j, "the message cannot be read");
	else if (fax_document_read(j->arena, message, &j->document) < 0)
		give_up(j, "5.6.0", STR("the message's structure is too complex for a fax"));
	else if (j->document.full)
		give_up(j, "5.6.0", STR("the message has too many parts for a fax"));
	else
		next_part(j);
}

void fax_folder_clean(const char *folder)
{
	DIR *d = opendir(folder);
	struct dirent *e;
	while (d && (e = readdir(d))) {
		char *path = mem_printf("%s/%s", folder, e->d_name);
		if (e->d_name[0] != '.')
			fax_folder_remove(path);
		free(path);
	}
	if (d)
		closedir(d);
}
