/* THREAD (RFC 5256). */
#include "config.h"

#include "imapd/thread.h"

enum { THREAD_NESTING_MAX = 1000 }; /* deeper branches are shown as one chain */

static void put_number(struct session *s, const struct thread_node *n)
{
	if (n->facts)
		io_putf(&s->io, "%u", shown_number(s, n->facts->index));
}

/* A whole thread as one chain, parents before their children. */
static void put_flat(struct session *s, const struct thread_node *top)
{
	const char *sep = "";
	for (const struct thread_node *n = top;;) {
		if (n->facts) {
			io_putz(&s->io, sep);
			put_number(s, n);
			sep = " ";
		}
		if (n->child) {
			n = n->child;
			continue;
		}
		while (n != top && !n->next)
			n = n->parent;
		if (n == top)
			return;
		n = n->next;
	}
}

/* One thread without its parentheses: a chain stays on one level, a branch opens new ones. */
static void put_thread(struct session *s, const struct thread_node *n, unsigned depth)
{
	if (depth > THREAD_NESTING_MAX) {
		put_flat(s, n);
		return;
	}
	put_number(s, n);
	while (n->child && !n->child->next) {
		if (n->facts)
			io_putz(&s->io, " ");
		n = n->child;
		put_number(s, n);
	}
	if (n->child && n->facts)
		io_putz(&s->io, " ");
	for (const struct thread_node *c = n->child; c; c = c->next) {
		io_putz(&s->io, "(");
		put_thread(s, c, depth + 1);
		io_putz(&s->io, ")");
	}
}

void cmd_thread(struct session *s, struct parser *p)
{
	struct str algorithm, charset;
	struct picked found;
	bool failed = false;
	if (s->cfg.disable_threadsort) {
		reply_no(s, "[CANNOT] THREAD is switched off here");
		return;
	}
	if (!parse_sp(p) || !parse_atom(p, &algorithm) || !parse_sp(p) ||
	    !parse_astring(p, &charset) || !parse_sp(p)) {
		reply_bad(s, "Algorithm, charset and search keys expected");
		return;
	}
	bool references = str_iis(algorithm, "REFERENCES");
	if (!references && !str_iis(algorithm, "ORDEREDSUBJECT")) {
		reply_bad(s, "Unknown threading algorithm");
		return;
	}
	if (!search_run(s, p, charset, false, &found))
		return;
	struct sort_facts *all =
	    sort_gather(s, &found, 1u << SORT_DATE | 1u << SORT_SUBJECT, references);
	if (!all)
		return;
	struct thread_node *t = references
				    ? thread_references(s->arena, all, found.n, &failed)
				    : thread_ordered_subject(s->arena, all, found.n, &failed);
	if (failed) {
		reply_no(s, "[LIMIT] Too many messages at once");
		return;
	}
	io_putz(&s->io, t ? "* THREAD " : "* THREAD");
	for (; t; t = t->next) {
		io_putz(&s->io, "(");
		put_thread(s, t, 0);
		io_putz(&s->io, ")");
	}
	io_putz(&s->io, "\r\n");
	reply_ok(s, "THREAD completed");
}
