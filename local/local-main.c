/* courierlocal: the module that delivers to the mailboxes of this host. */
#include "config.h"

#include "local/local.h"

#include <stdlib.h>
#include <stdio.h>

static struct local {
	struct service *service;
	struct broker_client *broker;
	struct gate_client *gate;
	struct pool *pool;
	struct syncer *syncer;
} self;

/* A delivery as the scheduler gave it: one message, usually one recipient. */
struct parcel {
	struct module_delivery *d;
	struct module_body *body;
	void *handle;
	struct arena *a;
	struct config *config; /* held: settings stay as they were at its start */
	struct local_key key;
	struct str env;
	struct letter *letters;
	size_t left;
};

struct letter { /* one recipient of a parcel */
	struct parcel *parcel;
	const struct module_rcpt *rcpt;
	struct task task;
	struct str place; /* not synced */
	uint64_t device;
	bool home_made;
	bool handed_on;         /* whoever has the forwarded copy tells the sender of it, not we */
	char *text;             /* what its programs said */
	bool failed, untracked; /* for good, after what is being forwarded */
	char status[12];
};

static void log_result(const struct letter *l, const struct module_result *r)
{
	const struct module_delivery *d = l->parcel->d;
	char id[80];
	snprintf(id, sizeof id, "%.*s", STR_FMT(d->id));
	struct log_ctx ctx = {"id", id};
	struct str text = r->diagnostic, line;
	bool good = r->outcome < MODULE_DEFERRED;
	while ((!good || l->text) && str_split(&text, '\n', &line))
		log_info(&ctx, "from=<%.*s>,addr=<%.*s>: %.*s", STR_FMT(d->sender),
		    STR_FMT(l->rcpt->address), STR_FMT(line));
	if (good)
		log_info(&ctx, "from=<%.*s>,addr=<%.*s>,size=%llu,success: Message delivered.",
		    STR_FMT(d->sender), STR_FMT(l->rcpt->address), (unsigned long long)d->size);
	else
		log_info(&ctx, "from=<%.*s>,addr=<%.*s>,status: %s", STR_FMT(d->sender),
		    STR_FMT(l->rcpt->address),
		    r->outcome == MODULE_FAILED ? "failure" : "deferred");
}

static void settle(struct letter *l, const struct module_result *r)
{
	struct parcel *p = l->parcel;
	log_result(l, r);
	module_result(p->handle, l->rcpt->num, r);
	free(l->text);
	l->text = NULL;
	if (--p->left)
		return;
	for (size_t i = 0; p->letters && i < p->d->n_rcpts; i++)
		if (p->letters[i].place.n)
			syncer_owe(self.syncer, &p->key, p->letters[i].device, p->letters[i].place,
			    p->d->id, p->letters[i].rcpt->num);
	void *handle = p->handle;
	config_drop(p->config);
	arena_free(p->a);
	module_done(handle);
}

static struct str success_text(const struct letter *l)
{
	return l->text ? str_of(l->text) : STR("Message delivered.");
}

static void forwarded(
    void *ctx, enum module_outcome outcome, uint16_t code, struct str status, struct str text)
{
	struct letter *l = ctx;
	struct module_result r = {.outcome = outcome, .diagnostic = success_text(l)};
	if (outcome == MODULE_DELIVERED && l->failed) {
		r.outcome = MODULE_FAILED;
		r.untracked = l->untracked;
		r.status = str_of(l->status);
	} else if (outcome == MODULE_DELIVERED && l->handed_on) {
		r.outcome = MODULE_RELAYED;
		r.peer_dsn = true;
	}
	if (outcome != MODULE_DELIVERED) {
		r.code = code;
		r.status = status;
		r.diagnostic = text;
	}
	settle(l, &r);
}

static uint8_t notify_of(struct str letters)
{
	uint8_t bits = GATE_NOTIFY_DEFAULT;
	for (size_t i = 0; i < letters.n; i++)
		switch (ascii_upper((unsigned char)letters.p[i])) {
		case 'N':
			return GATE_NOTIFY_NEVER;
		case 'S':
			bits |= GATE_NOTIFY_SUCCESS;
			break;
		case 'F':
			bits |= GATE_NOTIFY_FAILURE;
			break;
		case 'D':
			bits |= GATE_NOTIFY_DELAY;
			break;
		}
	return bits;
}

/*
 * RFC 3461, 5.2.7: one address instead of another keeps the sender's wishes, and whoever has it in
 * the end reports a success.  Where a copy stays here, or several addresses get one, mail is
 * delivered by that, and only trouble is reported later.
 */
static uint8_t forward_notify(struct letter *l, const struct worker_result *r)
{
	const char *setting = "DSNNOTIFY";
	struct str own = config_str(l->parcel->config, "local", setting, NULL);
	uint8_t asked = l->rcpt->notify;
	ptrdiff_t first = str_chr(r->forwards, '\n');
	bool one = first >= 0 && (size_t)first + 1 == r->forwards.n;
	if (own.n)
		return notify_of(own);
	l->handed_on = one && !r->kept && !l->failed && (asked & GATE_NOTIFY_SUCCESS);
	if (l->handed_on || !(asked & GATE_NOTIFY_SUCCESS))
		return asked;
	asked &= (uint8_t)~GATE_NOTIFY_SUCCESS;
	return asked ? asked : GATE_NOTIFY_NEVER;
}

static void start_forward(struct letter *l, const struct worker_result *r)
{
	struct forward_request f = {.delivery = l->parcel->d,
	    .body = l->parcel->body,
	    .addresses = r->forwards,
	    .delivered_to = r->delivered_to,
	    .by = l->rcpt->address,
	    .orcpt = l->rcpt->orcpt,
	    .notify = forward_notify(l, r)};
	forward_start(self.gate, &f, forwarded, l);
}

static void delivered_here(struct letter *l, const struct worker_result *r)
{
	l->place = arena_str(l->parcel->a, r->place);
	l->device = r->device;
	if (r->place.n && !l->place.p) /* then it is soon delivered again, and is there */
		settle(l, &(struct module_result){.outcome = MODULE_DEFERRED,
			      .status = STR("4.3.0"),
			      .diagnostic = STR("out of memory")});
	else
		settle(l, &(struct module_result){.outcome = MODULE_DELIVERED,
			      .diagnostic = success_text(l),
			      .place = l->place});
}

static void delivered(struct letter *l, const struct worker_result *r)
{
	if (r->text.n)
		l->text = mem_strndup(r->text.p, r->text.n);
	if (r->forwards.n)
		start_forward(l, r);
	else
		delivered_here(l, r);
}

/* Addresses that stood before the failure have their copy all the same. */
static void failed(struct letter *l, const struct worker_result *r)
{
	bool untracked = r->outcome == WORKER_BOUNCE;
	if (!r->forwards.n) {
		settle(l, &(struct module_result){.outcome = MODULE_FAILED,
			      .status = r->status,
			      .untracked = untracked,
			      .diagnostic = r->text});
		return;
	}
	l->failed = true;
	l->untracked = untracked;
	l->text = mem_strndup(r->text.p ? r->text.p : "", r->text.n);
	snprintf(l->status, sizeof l->status, "%.*s", STR_FMT(r->status));
	start_forward(l, r);
}

static void home_made(void *ctx, int result, struct str why)
{
	struct letter *l = ctx;
	if (result == 0) {
		pool_give(self.pool, &l->task);
		return;
	}
	settle(l, &(struct module_result){
		      .outcome = MODULE_DEFERRED, .status = STR("4.3.0"), .diagnostic = why});
}

/* No home: one is made when the administrator says from what. */
static void no_home(struct letter *l, const struct worker_result *r)
{
	struct str skel = config_str(l->parcel->config, "local", "AUTH_MKHOMEDIR_SKEL", NULL);
	if (!skel.n || l->home_made || str_is(l->parcel->key.user, BROKER_ALIAS_ACCOUNT)) {
		settle(l,
		    &(struct module_result){
			.outcome = MODULE_DEFERRED, .status = STR("4.3.0"), .diagnostic = r->text});
		return;
	}
	l->home_made = true;
	broker_home(self.broker, l->parcel->key.user, home_made, l);
}

static void to_own_worker(struct letter *l)
{
	l->task.fresh = true;
	l->task.d.flags |= WORKER_FRESH;
	l->task.d.env = l->parcel->env;
	if (l->task.d.env.n + l->task.d.body.n + l->task.d.warning.n > WORKER_INLINE_MAX)
		l->task.d.body = STR_NONE; /* both do not fit into a frame */
}

static void answered(void *ctx, const struct worker_result *r, bool for_ever, struct str why)
{
	struct letter *l = ctx;
	if (!r) {
		settle(l,
		    &(struct module_result){.outcome = for_ever ? MODULE_FAILED : MODULE_DEFERRED,
			.status = for_ever ? STR("5.1.1") : STR("4.3.0"),
			.diagnostic = why});
		return;
	}
	switch (r->outcome) {
	case WORKER_OK:
		delivered(l, r);
		break;
	case WORKER_NEED_FRESH:
		to_own_worker(l);
		pool_give(self.pool, &l->task);
		break;
	case WORKER_NO_HOME:
		no_home(l, r);
		break;
	case WORKER_DEFER:
		settle(
		    l, &(struct module_result){
			   .outcome = MODULE_DEFERRED, .status = r->status, .diagnostic = r->text});
		break;
	case WORKER_FAIL:
	case WORKER_BOUNCE:
		failed(l, r);
		break;
	}
}

/* The account's own wish, then what holds for all; "./Maildir" there stands for the account's
 * Maildir, wherever its record says that is. */
static struct str default_delivery(const struct parcel *p)
{
	struct str standard = config_str(p->config, "local", "DEFAULTDELIVERY", NULL);
	if (p->key.delivery.n)
		return p->key.delivery;
	return p->key.maildir.n && str_is(str_trim(standard), "./Maildir") ? STR_NONE : standard;
}

static void set_rules(const struct config *c, struct worker_delivery *d)
{
	if (!config_bool(c, "local", "DYNAMICDELIVERIES", NULL))
		d->flags |= WORKER_NO_DYNAMIC;
	if (config_bool(c, "local", "MBOXDOTLOCK", NULL))
		d->flags |= WORKER_DOTLOCK;
	if (str_is(config_str(c, "local", "OVERQUOTA", NULL), "fail"))
		d->flags |= WORKER_QUOTA_FAILS;
	d->program_memory = (uint64_t)config_int(c, "local", "LOCALMEMORY", NULL);
	d->maildrop = config_str(c, "local", "maildrop", NULL);
	if (!d->quota.n) /* the text need not travel */
		return;
	d->warn_percent = (uint8_t)config_int(c, "local", "QUOTAWARN", NULL);
	d->warning = str_head(config_str(c, "local", "quotawarnmsg", NULL), WORKER_WARNING_MAX);
}

static void fill(struct parcel *p, const struct module_rcpt *rcpt, struct worker_delivery *d)
{
	const struct local_key *k = &p->key;
	struct str inlined = module_body_inline(p->body);
	bool wait = p->d->durable_elsewhere && config_bool(p->config, "local", "LOCALSYNC", NULL);
	*d = (struct worker_delivery){.rules = local_rules(p->config),
	    .flags = (wait ? WORKER_NO_SYNC : 0) | (rcpt->doubt ? WORKER_DOUBT : 0),
	    .place = rcpt->place,
	    .uid = k->uid,
	    .program_seconds = (uint32_t)config_int(p->config, "local", "localtimeout", NULL),
	    .size = p->d->size,
	    .user = k->user,
	    .ext = k->ext,
	    .home = k->home,
	    .maildir = k->maildir,
	    .quota = k->quota,
	    .address = rcpt->address,
	    .sender = p->d->sender,
	    .id = p->d->id};
	d->delivery = default_delivery(p);
	set_rules(p->config, d);
	if (inlined.p && inlined.n + d->warning.n <= WORKER_INLINE_MAX)
		d->body = inlined;
}

/* Everything that the courierd file sets is seen by programs, as ever. */
static struct str environment(struct parcel *p)
{
	struct buf b;
	struct str name, value;
	size_t at = 0;
	buf_init(&b, 32768);
	buf_addf(&b, "SHELL=%s\nPATH=%s\n", config_z(p->config, "local", "SHELL", NULL),
	    config_z(p->config, "local", "PATH", NULL));
	struct str box = config_str(p->config, "local", "MAILDROPDEFAULT", NULL);
	if (p->key.maildir.n && str_is(box, "./Maildir"))
		box = p->key.maildir;
	buf_addf(&b, "MAILDROPDEFAULT=%.*s\n", STR_FMT(box));
	while (config_each_assignment(p->config, "local", &at, &name, &value))
		if (!str_is(name, "SHELL") && !str_is(name, "PATH") &&
		    !str_is(name, "MAILDROPDEFAULT") && !memchr(value.p, '\n', value.n))
			buf_addf(&b, "%.*s=%.*s\n", STR_FMT(name), STR_FMT(value));
	struct str r = arena_str(p->a, buf_str(&b));
	buf_free(&b);
	return r;
}

static void refuse_all(struct parcel *p)
{
	struct letter l = {.parcel = p};
	for (size_t i = 0, n = p->d->n_rcpts; i < n; i++) {
		l.rcpt = &p->d->rcpts[i];
		settle(
		    &l, &(struct module_result){.outcome = MODULE_DEFERRED,
			    .status = STR("4.3.5"),
			    .diagnostic = STR("the routing key of a local delivery is malformed")});
	}
}

/* Where the last one needed the account's own worker, this one probably does: no plain one has to
 * find that out again.  An own worker can do all that a plain one can. */
static void start_letter(struct letter *l)
{
	if (pool_has_own(self.pool, &l->task))
		to_own_worker(l);
	pool_give(self.pool, &l->task);
}

static void deliver(
    struct service *s, struct module_delivery *d, struct module_body *b, void *handle)
{
	struct arena *a = arena_new(DELIVERY_ARENA_MAX);
	struct parcel *p = a ? arena_new_of(a, struct parcel) : NULL;
	struct letter *letters = p ? arena_zero(a, (d->n_rcpts + 1) * sizeof *letters) : NULL;
	if (!letters || !d->n_rcpts) { /* without results all are deferred */
		arena_free(a);
		module_done(handle);
		return;
	}
	*p = (struct parcel){
	    .d = d, .body = b, .handle = handle, .a = a, .letters = letters, .left = d->n_rcpts};
	p->config = config_hold(service_config(s));
	if (!local_key_parse(d->host, a, &p->key)) {
		p->letters = NULL;
		refuse_all(p);
		return;
	}
	if (!p->key.home.n)
		p->key.home = str_of(arena_printf(a, "%s/aliasdir", service_instance(s)->etc));
	p->env = environment(p);
	for (size_t i = 0, n = d->n_rcpts; i < n; i++) {
		struct letter *l = &letters[i];
		*l = (struct letter){.parcel = p, .rcpt = &d->rcpts[i]};
		l->task = (struct task){.key = &p->key, .body = b, .done = answered, .ctx = l};
		fill(p, l->rcpt, &l->task.d);
		if (worker_delivery_ok(&l->task.d))
			start_letter(l);
		else
			settle(l, &(struct module_result){.outcome = MODULE_FAILED,
				      .status = STR("5.1.3"),
				      .diagnostic = STR("an address or path can't be used")});
	}
}

static void take_limits(struct service *s)
{
	struct config *c = service_config(s);
	/* The worker itself ends a program in time; this is for one that hangs. */
	pool_set_limits(self.pool,
	    &(struct pool_limits){.workers = (unsigned)config_int(c, "local", "LOCALWORKERS", NULL),
		.programs = (unsigned)config_int(c, "local", "LOCALPROGRAMS", NULL),
		.idle_ms = config_int(c, "local", "LOCALIDLE", NULL) * 1000,
		.delivery_ms = config_int(c, "local", "localtimeout", NULL) * 1000 + 30000});
}

static int start(struct service *s)
{
	log_rename("courierlocal"); /* what log readers look for */
	self.service = s;
	self.broker = broker_client_new(s);
	self.gate = gate_client_new(s);
	self.pool = pool_new(s, self.broker);
	self.syncer = syncer_new(s, self.pool);
	if (!self.broker || !self.gate || !self.syncer)
		return -1;
	take_limits(s);
	service_ready(s);
	return 0;
}

static void stats(struct service *s, struct buf *out)
{
	(void)s;
	pool_stats(self.pool, out);
}

int main(int argc, char **argv)
{
	static const struct config_component *const components[] = {&local_settings};
	static const struct module_desc desc = {
	    .name = "local",
	    .service = {.role = "local",
		.components = components,
		.n_components = ARRAY_LEN(components),
		.start = start,
		.reload = take_limits,
		.stats = stats},
	    .deliver = deliver,
	};
	return module_main(&desc, argc, argv);
}
