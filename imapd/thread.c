#include "config.h"

#include "imapd/thread.h"

#include <stdlib.h>

/* ---- ORDEREDSUBJECT ---- */

static int order(int64_t a, int64_t b)
{
	return a < b ? -1 : a > b;
}

static int by_date(const struct sort_facts *a, const struct sort_facts *b)
{
	int r = order(a->date, b->date);
	return r ? r : order(a->index, b->index);
}

static int by_subject(const void *x, const void *y)
{
	const struct sort_facts *a = x, *b = y;
	int r = str_cmp(a->subject, b->subject);
	return r ? r : by_date(a, b);
}

/* ---- siblings ---- */

static const struct sort_facts *date_of(const struct thread_node *n)
{
	return n->facts ? n->facts : n->child ? n->child->facts : NULL;
}

static int by_node_date(const void *x, const void *y)
{
	const struct sort_facts *a = date_of(*(struct thread_node *const *)x);
	const struct sort_facts *b = date_of(*(struct thread_node *const *)y);
	return a && b ? by_date(a, b) : 0;
}

static void sort_siblings(struct thread_node **list)
{
	VEC(struct thread_node *) v = {0};
	if (!*list || !(*list)->next)
		return;
	for (struct thread_node *n = *list; n; n = n->next)
		vec_push(&v, n);
	qsort(v.v, v.n, sizeof *v.v, by_node_date);
	for (size_t i = 0; i < v.n; i++)
		v.v[i]->next = i + 1 < v.n ? v.v[i + 1] : NULL;
	*list = v.v[0];
	vec_free(&v);
}

struct thread_node *thread_ordered_subject(
    struct arena *a, struct sort_facts *facts, size_t n, bool *failed)
{
	struct thread_node *nodes = arena_zero(a, (n + 1) * sizeof *nodes), *roots = NULL,
			   *root = NULL;
	struct thread_node **end = NULL;
	*failed = !nodes;
	if (!nodes || n == 0)
		return NULL;
	qsort(facts, n, sizeof *facts, by_subject);
	for (size_t i = 0; i < n; i++) {
		nodes[i].facts = &facts[i];
		if (root && str_eq(root->facts->subject, facts[i].subject)) {
			nodes[i].parent = root;
			*end = &nodes[i];
			end = &nodes[i].next;
			continue;
		}
		root = &nodes[i];
		root->next = roots;
		roots = root;
		end = &root->child;
	}
	sort_siblings(&roots);
	return roots;
}

/* ---- REFERENCES ---- */

struct forest {
	struct arena *arena;
	struct map *by_id;
	VEC(struct thread_node *) all;
	struct thread_node *roots;
	bool failed;
};

static struct thread_node *new_node(struct forest *f)
{
	struct thread_node *n = arena_new_of(f->arena, struct thread_node);
	if (n)
		vec_push(&f->all, n);
	else
		f->failed = true;
	return n;
}

static struct thread_node *node_of(struct forest *f, struct str id)
{
	struct thread_node *n = map_get(f->by_id, id);
	if (!n && (n = new_node(f)))
		map_set(f->by_id, id, n);
	return n;
}

static void unlink_node(struct thread_node *n)
{
	if (!n->parent)
		return;
	struct thread_node **at = &n->parent->child;
	while (*at != n)
		at = &(*at)->next;
	*at = n->next;
	n->parent = n->next = NULL;
}

static bool above(const struct thread_node *n, const struct thread_node *maybe_ancestor)
{
	if (!maybe_ancestor->child)
		return n == maybe_ancestor;
	for (; n; n = n->parent)
		if (n == maybe_ancestor)
			return true;
	return false;
}

static void adopt(struct thread_node *parent, struct thread_node *child)
{
	child->parent = parent;
	child->next = parent->child;
	parent->child = child;
}

/* Step 1: the references of a message, oldest first, and the message itself below the last. */
static void place(struct forest *f, const struct sort_facts *facts)
{
	struct thread_node *before = NULL, *self = NULL;
	struct str rest = facts->id, id;
	if (msgid_next(f->arena, &rest, &id))
		self = node_of(f, id);
	if (!self || self->facts)
		self = new_node(f); /* no id, or one that is taken: nobody can refer to it */
	if (!self)
		return;
	self->facts = facts;
	for (rest = facts->references; msgid_next(f->arena, &rest, &id);) {
		struct thread_node *n = node_of(f, id);
		if (!n)
			return;
		if (before && !n->parent && !above(before, n))
			adopt(before, n);
		before = n;
	}
	/* what the message says of itself outweighs what others said */
	if (before && before != self->parent && !above(before, self)) {
		unlink_node(self);
		adopt(before, self);
	}
}

static void find_roots(struct forest *f)
{
	f->roots = NULL;
	for (size_t i = f->all.n; i-- > 0;)
		if (!f->all.v[i]->parent) {
			f->all.v[i]->next = f->roots;
			f->roots = f->all.v[i];
		}
}

/* Nodes so that children come before their parents. */
static void deepest_first(struct forest *f)
{
	VEC(struct thread_node *) order = {0};
	for (struct thread_node *r = f->roots; r; r = r->next)
		vec_push(&order, r);
	for (size_t i = 0; i < order.n; i++)
		for (struct thread_node *c = order.v[i]->child; c; c = c->next)
			vec_push(&order, c);
	vec_free(&f->all);
	f->all.v = order.v;
	f->all.n = order.n;
	f->all.cap = order.cap;
	for (size_t i = 0; i < f->all.n / 2; i++) {
		struct thread_node *swap = f->all.v[i];
		f->all.v[i] = f->all.v[f->all.n - 1 - i];
		f->all.v[f->all.n - 1 - i] = swap;
	}
}

static void give_children_away(struct thread_node *n, struct thread_node *to)
{
	while (n->child) {
		struct thread_node *c = n->child;
		n->child = c->next;
		c->parent = c->next = NULL;
		if (to)
			adopt(to, c);
	}
}

/* Step 3: nodes without a message go, their children move up; only a root may stay for several. */
static void prune(struct forest *f)
{
	VEC(struct thread_node *) kept = {0};
	deepest_first(f);
	for (size_t i = 0; i < f->all.n; i++) {
		struct thread_node *n = f->all.v[i], *up = n->parent;
		bool several = n->child && n->child->next;
		if (n->facts || (!up && several)) {
			vec_push(&kept, n);
			continue;
		}
		unlink_node(n);
		give_children_away(n, up);
	}
	vec_free(&f->all);
	f->all.v = kept.v;
	f->all.n = kept.n;
	f->all.cap = kept.cap;
	find_roots(f);
}

static void sort_roots(struct forest *f)
{
	for (struct thread_node *r = f->roots; r; r = r->next)
		if (!r->facts)
			sort_siblings(&r->child);
	sort_siblings(&f->roots);
}

/* ---- step 5: threads of one subject ---- */

static void table_put(struct map *table, struct thread_node *n)
{
	const struct sort_facts *x = date_of(n), *y;
	if (!x || x->subject.n == 0)
		return;
	struct thread_node *old = map_get(table, x->subject);
	y = old ? date_of(old) : NULL;
	if (!old || (!n->facts && old->facts) || (y && y->reply && !x->reply && old->facts))
		map_set(table, x->subject, n);
}

static bool is_reply(const struct thread_node *n)
{
	return n->facts && n->facts->reply;
}

/* Joins a root to the one its subject's table entry names; true: it is a root no more. */
static bool join(struct forest *f, struct map *table, struct thread_node *n)
{
	const struct sort_facts *x = date_of(n);
	struct thread_node *t = x && x->subject.n ? map_get(table, x->subject) : NULL;
	if (!t || t == n)
		return false;
	if (!t->facts && !n->facts) {
		give_children_away(n, t);
	} else if (!t->facts || (is_reply(n) && !is_reply(t))) {
		adopt(t, n);
	} else {
		struct thread_node *both = new_node(f);
		if (!both)
			return false;
		/* the entry's own root is replaced by the new one when the list is made again */
		adopt(both, t);
		adopt(both, n);
		map_set(table, x->subject, both);
	}
	return true;
}

static void join_subjects(struct forest *f)
{
	struct map *table = map_new();
	VEC(struct thread_node *) roots = {0};
	for (struct thread_node *r = f->roots; r; r = r->next) {
		table_put(table, r);
		vec_push(&roots, r);
	}
	for (size_t i = 0; i < roots.n; i++)
		roots.v[i]->next = NULL;
	for (size_t i = 0; i < roots.n; i++)
		if (!roots.v[i]->parent)
			join(f, table, roots.v[i]);
	vec_free(&roots);
	map_free(table, NULL);
}

static void drop_hollow(struct forest *f)
{
	size_t to = 0;
	for (size_t i = 0; i < f->all.n; i++)
		if (f->all.v[i]->facts || f->all.v[i]->child)
			f->all.v[to++] = f->all.v[i];
	f->all.n = to;
}

struct thread_node *thread_references(
    struct arena *a, struct sort_facts *facts, size_t n, bool *failed)
{
	struct forest f = {.arena = a, .by_id = map_new()};
	for (size_t i = 0; i < n && !f.failed; i++)
		place(&f, &facts[i]);
	find_roots(&f);
	prune(&f);
	sort_roots(&f);
	join_subjects(&f);
	drop_hollow(&f);
	for (size_t i = 0; i < f.all.n; i++)
		sort_siblings(&f.all.v[i]->child);
	find_roots(&f);
	sort_siblings(&f.roots);
	map_free(f.by_id, NULL);
	vec_free(&f.all);
	*failed = f.failed;
	return f.roots;
}
