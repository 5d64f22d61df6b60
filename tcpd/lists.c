/* All lists of the DNS are asked at once; judged is in their order. */
#include "config.h"

#include "tcpd/tcpd.h"
#include <stdlib.h>

enum { TYPE_A = 1, TYPE_TXT = 16 };

struct list_question {
	struct list_asker *asker;
	size_t list;
	uint16_t type;
	uint64_t id; /* 0: not asked, or answered */
};

struct list_asker {
	struct tcpd *t;
	struct list_question questions[2 * DNS_LISTS_MAX];
	size_t n, open;
	struct dns_list_answer answers[DNS_LISTS_MAX];
	void (*done)(void *ctx);
	void *ctx;
};

static void take_addresses(struct dns_list_answer *r, const struct dns_answer *a)
{
	for (size_t i = 0; i < a->n && r->n < DNS_LIST_RECORDS; i++)
		if (a->rdata[i].n == 4)
			memcpy(r->a[r->n++], a->rdata[i].p, 4);
}

/* The first text: strings of a length byte and so many bytes, put together. */
static void take_text(struct dns_list_answer *r, const struct dns_answer *a)
{
	struct str rest = a->n ? a->rdata[0] : STR_NONE;
	struct buf text;
	buf_init(&text, 64 * 1024);
	while (rest.n && rest.n > (unsigned char)rest.p[0]) {
		size_t n = (unsigned char)rest.p[0];
		buf_adds(&text, str_head(str_skip(rest, 1), n));
		rest = str_skip(rest, n + 1);
	}
	dns_list_text(buf_str(&text), r->txt);
	buf_free(&text);
}

static void answered(void *ctx, const struct dns_answer *a)
{
	struct list_question *q = ctx;
	struct list_asker *l = q->asker;
	struct dns_list_answer *r = &l->answers[q->list];
	q->id = 0;
	if (a->status == DNS_TEMPFAIL)
		r->failed = true;
	else if (a->status == DNS_OK && q->type == TYPE_A)
		take_addresses(r, a);
	else if (a->status == DNS_OK)
		take_text(r, a);
	if (--l->open == 0)
		l->done(l->ctx);
}

static void ask(struct list_asker *l, size_t list, const char *name, uint16_t type)
{
	struct list_question *q = &l->questions[l->n++];
	*q = (struct list_question){l, list, type, 0};
	q->id = dns_query(l->t->dns, str_of(name), type, answered, q);
	if (q->id)
		l->open++;
	else
		l->answers[list].failed = true;
}

struct list_asker *lists_ask(
    struct tcpd *t, const struct access_addr *a, void (*done)(void *ctx), void *ctx)
{
	struct list_asker *l = mem_new(struct list_asker);
	char name[DNS_LIST_NAME_SIZE];
	l->t = t;
	l->done = done;
	l->ctx = ctx;
	for (size_t i = 0; i < t->options.n_lists; i++) {
		const struct dns_list *d = &t->options.lists[i];
		bool good = dns_list_name(a, d->zone, name);
		if (good && d->ask_a)
			ask(l, i, name, TYPE_A);
		if (good && d->ask_txt)
			ask(l, i, name, TYPE_TXT);
	}
	if (l->open)
		return l;
	free(l);
	return NULL;
}

const struct dns_list_answer *lists_answers(const struct list_asker *l)
{
	return l->answers;
}

void lists_free(struct list_asker *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->n; i++)
		if (l->questions[i].id)
			dns_cancel(l->t->dns, l->questions[i].id);
	free(l);
}
