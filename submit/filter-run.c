#include "config.h"

#include "submit/filter-run.h"

#include "submit/filter-control.h"
#include "submit/filter-sockets.h"

#include <stdlib.h>

enum { SPLIT_MAX = 2000 }; /* results that fit into one reply */

/* Steps: files written -> contents -> control files -> sockets -> control files read -> commit.
 * Each that has nothing to do is passed over. */
struct filtering {
	struct transaction *t;
	struct message_facts facts;
	bool marked;
	struct filter_files *files;
	struct filter_content *content;
	struct filter_sockets *sockets;
	struct str *written; /* the control files as they were made */
	size_t parts;
};

void filtering_free(struct filtering *f)
{
	if (!f)
		return;
	filter_content_free(f->content);
	filter_sockets_free(f->sockets);
	filter_files_free(f->files);
	free(f);
}

bool filtered_source(const struct transaction *t)
{
	const struct policy *p = t->policy;
	if (t->dsn)
		return false;
	if (t->from_network)
		return p->filter_esmtp;
	return strcmp(t->origin.source, "uucp") == 0 ? p->filter_uucp : p->filter_local;
}

static bool white(const struct message *m)
{
	return m->whitelist != WHITE_NO;
}

/* ---- ends ------------------------------------------------------------------------------------ */

static void refuse(struct filtering *f, const struct gate_reply *r)
{
	struct transaction *t = f->t;
	struct log_ctx ctx = {"id", t->message->id_text};
	log_info(&ctx, "refused,from=<%.*s>: %u %.*s", STR_FMT(t->message->sender), r->code,
	    STR_FMT(r->text));
	t->gate->refused++;
	/* the text may live in what the reset frees */
	struct arena *a = arena_new(128 * 1024);
	struct gate_reply copy = {.code = r->code};
	copy.enhanced = a ? arena_str(a, r->enhanced) : STR_NONE;
	copy.text = a ? arena_str(a, r->text) : STR_NONE;
	transaction_reset(t);
	t->answer(t->ctx, &copy);
	arena_free(a);
}

static void refuse_id(struct filtering *f, enum reply_id id)
{
	struct gate_reply r = reply(id);
	refuse(f, &r);
}

static void commit(struct filtering *f)
{
	struct transaction *t = f->t;
	struct message_facts facts = f->facts;
	bool marked = f->marked;
	filtering_free(f);
	t->filtering = NULL;
	commit_start(t, &facts, marked);
}

/* ---- the global filters ---------------------------------------------------------------------- */

static bool read_part(struct filtering *f, size_t i, struct buf *after, struct buf *added)
{
	struct message *m = f->t->message;
	struct log_ctx ctx = {"id", m->id_text};
	const char *why;
	buf_clear(after);
	buf_clear(added);
	if (filter_files_read(f->files, i, after) < 0) {
		log_error(&ctx, "cannot read its control file after the filters: %m");
		return false;
	}
	if (filter_control_added(f->written[i], buf_str(after), m->arena, added, &why) < 0) {
		log_error(&ctx, "a filter has spoiled its control file: %s", why);
		return false;
	}
	if (added->n)
		m->added[i] = arena_str(m->arena, buf_str(added));
	return !added->n || m->added[i].p;
}

static bool read_controls(struct filtering *f)
{
	struct message *m = f->t->message;
	struct buf after, added;
	bool good = true;
	m->added = arena_zero(m->arena, f->parts * sizeof *m->added);
	buf_init(&after, ENVELOPE_TEXT_MAX);
	buf_init(&added, FILTER_ADDED_MAX);
	for (size_t i = 0; good && i < f->parts; i++)
		good = m->added && read_part(f, i, &after, &added);
	buf_free(&after);
	buf_free(&added);
	return good;
}

static void on_sockets(void *ctx, const struct gate_reply *refusal)
{
	struct filtering *f = ctx;
	if (refusal)
		refuse(f, refusal);
	else if (!read_controls(f))
		refuse_id(f, REPLY_FILTER_DOWN);
	else
		commit(f);
}

static bool write_controls(struct filtering *f)
{
	struct transaction *t = f->t;
	struct message *m = t->message;
	struct buf text;
	bool good = true;
	f->parts = commit_parts(t);
	f->written = arena_zero(m->arena, f->parts * sizeof *f->written);
	buf_init(&text, ENVELOPE_TEXT_MAX);
	for (size_t i = 0; good && i < f->parts; i++) {
		buf_clear(&text);
		good = f->written && commit_control(t, &f->facts, f->marked, i, &text);
		if (good)
			f->written[i] = arena_str(m->arena, buf_str(&text));
		good =
		    good && f->written[i].p && filter_files_control(f->files, f->written[i]) == 0;
	}
	buf_free(&text);
	return good;
}

static void ask_sockets(struct filtering *f)
{
	struct transaction *t = f->t;
	if (!filter_sockets_any(t->gate, !white(t->message))) {
		commit(f);
		return;
	}
	if (!write_controls(f)) {
		refuse_id(f, REPLY_FILTER_DOWN);
		return;
	}
	struct filter_sockets_job job = {
	    .gate = t->gate,
	    .policy = t->policy,
	    .files = f->files,
	    .id = t->message->id_text,
	    .optional = !white(t->message),
	    .done = on_sockets,
	    .ctx = f,
	};
	f->sockets = filter_sockets_new(&job);
	if (!f->sockets)
		refuse_id(f, REPLY_NO_MEMORY);
}

/* ---- contents -------------------------------------------------------------------------------- */

/* Recipients whose filter has refused are none any more. */
static void drop_refused(struct message *m)
{
	size_t kept = 0;
	const struct accepted **who = mem_zero((m->rcpts.n + 1) * sizeof(struct accepted *));
	for (size_t i = 0; i < m->accepted.n; i++) {
		const struct accepted *a = &m->accepted.v[i];
		if (a->refused && a->rcpt < m->rcpts.n) {
			m->rcpts.v[a->rcpt].state = RCPT_FAILED;
			who[a->rcpt] = a;
		}
	}
	for (size_t i = 0; i < m->accepted.n; i++) { /* who was named twice is refused twice */
		struct accepted *a = &m->accepted.v[i];
		if (a->refused || a->rcpt >= m->rcpts.n || !who[a->rcpt])
			continue;
		a->refused = true;
		a->result = who[a->rcpt]->result;
	}
	free(who);
	for (size_t i = 0; i < m->rcpts.n; i++)
		if (m->rcpts.v[i].state != RCPT_FAILED)
			m->rcpts.v[kept++] = m->rcpts.v[i];
	m->rcpts.n = kept;
}

static void log_refusals(const struct message *m)
{
	struct log_ctx ctx = {"id", m->id_text};
	for (size_t i = 0; i < m->accepted.n; i++) {
		const struct accepted *a = &m->accepted.v[i];
		if (a->refused)
			log_info(&ctx, "refused,from=<%.*s>,filter of %.*s: %u %.*s",
			    STR_FMT(m->sender), STR_FMT(a->name), a->result.code,
			    STR_FMT(a->result.text));
	}
}

static void on_content(void *ctx)
{
	struct filtering *f = ctx;
	struct message *m = f->t->message;
	const struct accepted *first = NULL;
	for (size_t i = 0; i < m->accepted.n && !first; i++)
		first = m->accepted.v[i].refused ? &m->accepted.v[i] : NULL;
	if (!first) {
		ask_sockets(f);
		return;
	}
	log_refusals(m);
	drop_refused(m);
	m->split = m->mail.exdata && m->accepted.n <= SPLIT_MAX;
	if (!m->split)
		refuse(f, &first->result);
	else if (m->rcpts.n)
		ask_sockets(f);
	else {
		struct gate_reply none = reply(REPLY_OK);
		f->t->gate->refused++;
		results_answer(f->t, &none);
	}
}

static void on_files(void *ctx, enum reply_id id)
{
	struct filtering *f = ctx;
	if (id != REPLY_OK) {
		refuse_id(f, id);
		return;
	}
	f->content = filter_content_wanted(f->t->message)
			 ? filter_content_new(f->t, f->files, on_content, f)
			 : NULL;
	if (!filter_content_wanted(f->t->message))
		ask_sockets(f);
	else if (!f->content)
		refuse_id(f, REPLY_NO_MEMORY);
}

void filtering_start(struct transaction *t, const struct message_facts *facts, bool marked)
{
	struct message *m = t->message;
	if (!filtered_source(t) ||
	    (!filter_content_wanted(m) && !filter_sockets_any(t->gate, !white(m)))) {
		commit_start(t, facts, marked);
		return;
	}
	struct filtering *f = mem_new(struct filtering);
	*f = (struct filtering){.t = t, .facts = *facts, .marked = marked};
	t->filtering = f;
	f->files = filter_files_new(t->gate, &m->spool, on_files, f);
	if (!f->files)
		refuse_id(f, REPLY_FILTER_DOWN);
}
