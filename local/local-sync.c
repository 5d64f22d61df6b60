/*
 * Files in Maildirs that nobody has synced yet.  A file system is synced whole, by one worker, and
 * then left alone for ten times as long as that took: what others write there is written out with
 * it, and the journal may be on the same disk.  What comes meanwhile is gathered for the next time.
 * The worker is that of an account whose mail stands there: we have no right to open anything.
 */
#include "config.h"

#include "local/local.h"

#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

enum { PAUSE_LEAST_MS = 50, PAUSE_MOST_MS = 1000, PAUSE_TIMES = 10, KEY_ARENA = 64 * 1024 };

typedef VEC(struct module_owed) owed_list;

struct device {
	struct device *next;
	struct syncer *syncer;
	uint64_t id;
	owed_list gathering, asked; /* asked: a worker is at it */
	struct timer *timer;        /* armed: it is too early */
	struct arena *a;            /* of key and folder */
	struct local_key key;
	struct str folder;
	int64_t begun; /* the sync under way */
	bool stale;    /* it had no worker: take another one */
	struct task task;
};

struct syncer {
	struct service *service;
	struct pool *pool;
	struct device *devices; /* as many as there are file systems with mail: never freed */
};

struct syncer *syncer_new(struct service *s, struct pool *p)
{
	struct syncer *y = mem_new(struct syncer);
	*y = (struct syncer){.service = s, .pool = p};
	return y;
}

static void tell(struct device *d, enum module_sync how)
{
	module_synced(d->asked.v, d->asked.n, how);
	d->asked.n = 0;
	int64_t pause = (clock_mono_ms() - d->begun) * PAUSE_TIMES;
	if (pause < PAUSE_LEAST_MS)
		pause = PAUSE_LEAST_MS;
	timer_set(d->timer, pause < PAUSE_MOST_MS ? pause : PAUSE_MOST_MS);
}

static void answered(void *ctx, const struct worker_result *r, bool for_ever UNUSED, struct str why)
{
	struct device *d = ctx;
	if (r && r->outcome == WORKER_OK) {
		tell(d, MODULE_SYNCED);
		return;
	}
	struct str text = r ? r->text : why;
	log_error(
	    NULL, "%.*s; %zu deliveries are to be looked at again", STR_FMT(text), d->asked.n);
	d->stale = !r;
	tell(d, r ? MODULE_SYNC_FAILED : MODULE_UNSURE);
}

static void ask(void *ctx)
{
	struct device *d = ctx;
	if (d->asked.n || !d->gathering.n)
		return;
	d->begun = clock_mono_ms();
	owed_list empty = d->asked;
	d->asked = d->gathering;
	d->gathering = empty;
	d->task = (struct task){.key = &d->key,
	    .done = answered,
	    .ctx = d,
	    .d = {.rules = {.dot = STR("courier")},
		.flags = WORKER_SYNC,
		.uid = d->key.uid,
		.user = d->key.user,
		.home = d->key.home,
		.maildir = d->folder,
		.address = STR("sync"),
		.body = STR("")}};
	if (!d->folder.p || !worker_delivery_ok(&d->task.d))
		answered(d, NULL, false, STR("a mailbox's folder cannot be named"));
	else
		pool_give(d->syncer->pool, &d->task);
}

static struct device *device_of(struct syncer *y, uint64_t id)
{
	struct device *d = y->devices;
	while (d && d->id != id)
		d = d->next;
	if (d)
		return d;
	d = mem_new(struct device);
	*d = (struct device){.next = y->devices, .syncer = y, .id = id};
	d->timer = timer_new(service_loop(y->service), ask, d);
	d->a = arena_new(KEY_ARENA);
	if (!d->timer || !d->a) { /* what is owed is asked for again when we are gone */
		log_error(NULL, "out of memory, giving up");
		exit(EX_TEMPFAIL);
	}
	return y->devices = d;
}

/* "RUN /path/Maildir/new/NAME": the Maildir. */
static struct str folder_of(struct str place)
{
	struct str run;
	if (!str_split(&place, ' ', &run))
		return STR_NONE;
	ptrdiff_t slash = str_rchr(place, '/');
	return slash > 4 ? str_head(place, (size_t)slash - 4) : STR_NONE;
}

static void take_account(struct device *d, const struct local_key *k, struct str place)
{
	arena_reset(d->a);
	d->key = (struct local_key){.user = arena_str(d->a, k->user),
	    .home = arena_str(d->a, k->home),
	    .uid = k->uid,
	    .gid = k->gid};
	d->folder = arena_str(d->a, folder_of(place));
	d->stale = false;
}

void syncer_owe(struct syncer *y, const struct local_key *key, uint64_t device, struct str place,
    struct str id, uint32_t num)
{
	struct module_owed o = {.num = num};
	struct device *d = device_of(y, device);
	snprintf(o.id, sizeof o.id, "%.*s", STR_FMT(id));
	if ((!d->gathering.n || d->stale) && !d->asked.n)
		take_account(d, key, place);
	vec_push(&d->gathering, o);
	if (!timer_armed(d->timer) && !d->asked.n)
		timer_set(d->timer, 0); /* nothing has come for a while: at once */
}
