#include "config.h"

#include "authdaemon/daemon.h"

#include <stdio.h>
#include <stdlib.h>

struct exchange {
	struct authd *d;
	struct sasl_server *sasl;
	char service[AUTH_SERVICE_MAX], peer[AUTH_PEER_MAX], mechanism[32];
	struct account *account;
	struct search *search;
	struct check *check;
	struct timer *delay;
	int64_t step_ms; /* when the client's last message came */
	struct buf out, domain, separators, name;
	enum auth_verdict verdict;
	enum sasl_status due; /* what the account is looked up for */
	bool over;
	exchange_said said;
	void *ctx;
};

static void drive(struct exchange *x, enum sasl_status status);

static void on_delay(void *ctx)
{
	struct exchange *x = ctx;
	x->said(x->ctx, x, x->verdict, STR_NONE);
}

static void log_end(const struct exchange *x)
{
	static const char *const words[] = {"accepted", "refused", "not decided"};
	if (x->d->debug == 0)
		return;
	struct str user = sasl_server_user(x->sasl), password = sasl_server_password(x->sasl);
	bool show = x->d->debug > 1 && password.n;
	log_info(NULL, "login %s: service=%s, mechanism=%s, user='%.*s', ip=[%s]%s%.*s",
	    words[x->verdict], x->service, x->mechanism, STR_FMT(user), x->peer,
	    show ? ", password=" : "", show ? (int)password.n : 0, show ? password.p : "");
}

/*
 * A refusal comes a fixed time after the message it answers, however long the work took: its time
 * tells nothing of whether the name exists.
 */
static void end(struct exchange *x, enum auth_verdict v)
{
	struct str peer = str_of(x->peer);
	x->over = true;
	x->verdict = v;
	log_end(x);
	if (v == AUTH_OK) {
		x->d->right++;
		attempts_right(x->d->attempts, peer);
		x->said(x->ctx, x, v, buf_str(&x->out));
		return;
	}
	int64_t wait = 0;
	if (v == AUTH_NO) {
		x->d->wrong++;
		attempts_failed(x->d->attempts, peer);
		wait = x->step_ms + x->d->fail_delay_ms * attempts_factor(x->d->attempts, peer) -
		       clock_mono_ms();
	} else {
		x->d->failed++;
	}
	timer_set(x->delay, wait > 0 ? wait : 0);
}

static void on_checked(void *ctx, enum check_result r)
{
	struct exchange *x = ctx;
	x->check = NULL;
	if (r == CHECK_FAILED)
		end(x, AUTH_TEMPFAIL);
	else
		drive(x, sasl_server_verdict(x->sasl, r == CHECK_RIGHT && x->account));
}

static void go_on(struct exchange *x, enum account_found r)
{
	if (r == ACCOUNT_TEMPFAIL)
		end(x, AUTH_TEMPFAIL);
	else if (x->due == SASL_PASSWORD)
		x->check = check_password(x->d, x->account, x->service,
		    sasl_server_password(x->sasl), str_of(x->peer), on_checked, x);
	else
		drive(x,
		    sasl_server_secrets(x->sasl, x->account ? &x->account->sasl : NULL, &x->out));
}

static void on_found(void *ctx, enum account_found r, struct account *a)
{
	struct exchange *x = ctx;
	x->search = NULL;
	x->account = a;
	go_on(x, r);
}

static void look_up(struct exchange *x, enum sasl_status due)
{
	buf_clear(&x->name);
	bool fits = auth_full_name(
	    sasl_server_user(x->sasl), buf_str(&x->domain), buf_str(&x->separators), &x->name);
	struct str user = fits ? buf_str(&x->name) : STR_NONE;
	account_free(x->account);
	x->due = due;
	enum account_found r = accounts_find(
	    &x->d->accounts, NULL, x->service, user, &x->account, &x->search, on_found, x);
	if (r != ACCOUNT_LATER)
		go_on(x, r);
}

static void drive(struct exchange *x, enum sasl_status status)
{
	switch (status) {
	case SASL_MORE:
		x->said(x->ctx, x, AUTH_CONTINUE, buf_str(&x->out));
		break;
	case SASL_PASSWORD:
	case SASL_SECRETS:
		look_up(x, status);
		break;
	case SASL_OK:
		end(x, x->account ? AUTH_OK : AUTH_NO);
		break;
	case SASL_FAILED:
		end(x, AUTH_NO);
		break;
	}
}

struct exchange *exchange_new(struct authd *d, struct str service, struct str mechanism,
    struct str peer, struct str binding, struct str external, exchange_said said, void *ctx)
{
	struct sasl_server_env env = {
	    .host = str_of(d->accounts.default_domain), .binding = binding, .external = external};
	memcpy(env.fake_key, d->fake_key, sizeof env.fake_key);
	struct sasl_server *sasl = sasl_server_new(mechanism, &env);
	if (!sasl)
		return NULL;
	struct exchange *x = mem_new(struct exchange);
	*x = (struct exchange){.d = d, .sasl = sasl, .said = said, .ctx = ctx};
	snprintf(x->service, sizeof x->service, "%.*s", STR_FMT(service));
	snprintf(x->peer, sizeof x->peer, "%.*s", STR_FMT(peer));
	snprintf(x->mechanism, sizeof x->mechanism, "%.*s", STR_FMT(mechanism));
	x->delay = timer_new(d->loop, on_delay, x);
	buf_init(&x->out, 3 * SASL_STEP_MAX);
	buf_init(&x->domain, AUTH_DOMAIN_MAX);
	buf_init(&x->separators, AUTH_DOMAIN_MAX);
	buf_init(&x->name, SASL_STEP_MAX + AUTH_DOMAIN_MAX);
	return x;
}

void exchange_free(struct exchange *x)
{
	if (!x)
		return;
	search_cancel(x->search);
	check_cancel(x->check);
	timer_free(x->delay);
	sasl_server_free(x->sasl);
	account_free(x->account);
	buf_free(&x->out);
	buf_free(&x->domain);
	buf_free(&x->separators);
	buf_free(&x->name);
	free(x);
}

void exchange_set_domain(struct exchange *x, struct str domain, struct str separators)
{
	buf_adds(&x->domain, domain);
	buf_adds(&x->separators, separators);
}

void exchange_set_challenge(struct exchange *x, struct str challenge)
{
	sasl_server_set_nonce(x->sasl, challenge);
}

void exchange_step(struct exchange *x, struct str in)
{
	if (x->over || x->check || x->search)
		return; /* the client talks out of turn; its answer is under way */
	x->step_ms = clock_mono_ms();
	drive(x, sasl_server_step(x->sasl, in, &x->out));
}

struct account *exchange_take_account(struct exchange *x)
{
	struct account *a = x->account;
	x->account = NULL;
	return a;
}
