#include "config.h"

#include "authdaemon/daemon.h"

#include <stdlib.h>

struct ticket {
	struct ticket *next;
	char text[AUTH_TICKET_SIZE + 1];
	const char *redeemer;
	struct account *account; /* NULL: redeemed */
	int64_t until_ms;
};

struct tickets {
	struct map *by_text;
	struct ticket *first, **last; /* oldest first: all live equally long */
	size_t n;
};

struct tickets *tickets_new(void)
{
	struct tickets *t = mem_new(struct tickets);
	t->by_text = map_new();
	t->last = &t->first;
	return t;
}

static void drop_first(struct tickets *t)
{
	struct ticket *k = t->first;
	t->first = k->next;
	if (!t->first)
		t->last = &t->first;
	t->n--;
	map_del(t->by_text, str_of(k->text));
	account_free(k->account);
	mem_wipe(k, sizeof *k);
	free(k);
}

/* Swept whenever somebody comes: what is old holds memory until then, but lets nobody in. */
static void sweep(struct tickets *t)
{
	int64_t now = clock_mono_ms();
	while (t->first && (t->first->until_ms <= now || t->n > TICKETS_MAX))
		drop_first(t);
}

void tickets_free(struct tickets *t)
{
	if (!t)
		return;
	while (t->first)
		drop_first(t);
	map_free(t->by_text, NULL);
	free(t);
}

void ticket_issue(
    struct tickets *t, struct account *a, const char *redeemer, char out[AUTH_TICKET_SIZE + 1])
{
	struct ticket *k = mem_new(struct ticket);
	random_token(k->text, AUTH_TICKET_SIZE); /* 190 bits: guessing needs no further guard */
	k->account = a;
	k->redeemer = redeemer;
	k->until_ms = clock_mono_ms() + AUTH_TICKET_TTL_MS;
	*t->last = k;
	t->last = &k->next;
	t->n++;
	map_set(t->by_text, str_of(k->text), k);
	memcpy(out, k->text, sizeof k->text);
	sweep(t);
}

struct account *ticket_redeem(struct tickets *t, struct str ticket, const char *role)
{
	sweep(t);
	struct ticket *k = ticket.n == AUTH_TICKET_SIZE ? map_get(t->by_text, ticket) : NULL;
	if (k && strcmp(k->redeemer, role) != 0) /* stays good for whom it is meant */
		return NULL;
	struct account *a = k ? k->account : NULL;
	if (k) {
		map_del(t->by_text, ticket);
		k->account = NULL; /* its place in the line is freed when its time is over */
	}
	return a;
}
