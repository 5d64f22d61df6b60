#include "config.h"

#include "authdaemon/daemon.h"
#include "authdaemon/remote.h"

#include <stdlib.h>

struct check {
	struct authd *d;
	struct verify_job *verify;
	struct helper_job *help;
	struct remote_job *remote;
	struct timer *timer; /* answers that are known at once */
	enum check_result known;
	bool dummy;
	struct buf login, stored, password; /* for the cache, once it is found right */
	checked done;
	void *ctx;
};

static void check_free(struct check *k)
{
	timer_free(k->timer);
	mem_wipe(k->password.p, k->password.n);
	mem_wipe(k->stored.p, k->stored.n);
	buf_free(&k->password);
	buf_free(&k->stored);
	buf_free(&k->login);
	free(k);
}

static void finish(struct check *k, enum check_result r)
{
	checked done = k->done;
	void *ctx = k->ctx;
	check_free(k);
	done(ctx, r);
}

static void on_known(void *ctx)
{
	struct check *k = ctx;
	finish(k, k->known);
}

static void answer_soon(struct check *k, enum check_result r)
{
	k->known = r;
	k->timer = timer_new(k->d->loop, on_known, k);
	timer_set(k->timer, 0);
}

static void on_verified(void *ctx, int verdict, struct str made UNUSED)
{
	struct check *k = ctx;
	k->verify = NULL;
	if (verdict == PASSWORD_UNKNOWN && !k->dummy)
		log_error(NULL, "the stored password of '%.*s' is of no kind that is known here",
		    STR_FMT(buf_str(&k->login)));
	if (verdict == PASSWORD_RIGHT && !k->dummy)
		cache_add(
		    k->d->cache, buf_str(&k->login), buf_str(&k->stored), buf_str(&k->password));
	finish(k, verdict < 0                              ? CHECK_FAILED
		  : verdict == PASSWORD_RIGHT && !k->dummy ? CHECK_RIGHT
							   : CHECK_WRONG);
}

static void on_helped(void *ctx, int verdict)
{
	struct check *k = ctx;
	k->help = NULL;
	finish(k, verdict < 0 ? CHECK_FAILED : verdict == 0 ? CHECK_RIGHT : CHECK_WRONG);
}

static void on_remote(void *ctx, enum authdb_verdict v)
{
	struct check *k = ctx;
	k->remote = NULL;
	finish(k, v == AUTHDB_YES ? CHECK_RIGHT : v == AUTHDB_NO ? CHECK_WRONG : CHECK_FAILED);
}

static void ask_helper(
    struct check *k, const struct account *a, const char *service, struct str peer)
{
	if (k->d->helper) {
		k->help = helper_check(k->d->helper, a->backend->check, account_service(service),
		    a->a.name, buf_str(&k->password), peer, on_helped, k);
		return;
	}
	log_error(NULL, "%s was not among the modules when authdaemond started; restart it",
	    a->backend->name);
	answer_soon(k, CHECK_FAILED);
}

/* Nobody by that name, or without a password: the same work as for the account seen last, so that
 * the time tells nothing. */
static void ask_dummy(struct check *k)
{
	k->dummy = true;
	k->verify =
	    verifier_check(k->d->verifier, k->d->dummy.n ? buf_str(&k->d->dummy) : password_dummy(),
		buf_str(&k->password), on_verified, k);
}

static void ask_verifier(struct check *k, const struct account *a)
{
	buf_adds(&k->login, a->a.name);
	buf_adds(&k->stored, a->stored);
	buf_clear(&k->d->dummy);
	buf_adds(&k->d->dummy, a->stored);
	if (cache_has(k->d->cache, buf_str(&k->login), buf_str(&k->stored), buf_str(&k->password)))
		answer_soon(k, CHECK_RIGHT);
	else
		k->verify = verifier_check(
		    k->d->verifier, a->stored, buf_str(&k->password), on_verified, k);
}

struct check *check_password(struct authd *d, const struct account *account, const char *service,
    struct str password, struct str peer, checked done, void *ctx)
{
	struct check *k = mem_new(struct check);
	*k = (struct check){.d = d, .done = done, .ctx = ctx};
	buf_init(&k->login, SASL_NAME_MAX);
	buf_init(&k->stored, PASSWORD_STORED_MAX);
	buf_init(&k->password, SASL_PASSWORD_MAX);
	buf_adds(&k->password, password);
	if (k->password.failed || password.n == 0)
		answer_soon(k, CHECK_WRONG);
	else if (account && account->binds)
		k->remote = remote_check(d->accounts.remotes, account->backend->role,
		    account_service(service), account->a.name, password, on_remote, k);
	else if (account && account->backend->check != HELPER_NOT)
		ask_helper(k, account, service, peer);
	else if (account && account->stored.n && account->stored.n <= PASSWORD_STORED_MAX)
		ask_verifier(k, account);
	else
		ask_dummy(k);
	return k;
}

void check_cancel(struct check *k)
{
	if (!k)
		return;
	if (k->verify)
		verifier_cancel(k->verify);
	if (k->help)
		helper_cancel(k->help);
	remote_cancel(k->remote);
	check_free(k);
}
