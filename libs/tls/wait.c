/*
 * Handshakes that stand still until their signature comes.
 *
 * OpenSSL runs such a handshake in a job with a stack of its own (async jobs), which the key's
 * method leaves in the middle (tls_wait) and the answer enters again.  A job that has been left
 * must be entered once more before its SSL is freed: OpenSSL would lose it.
 */
#include "config.h"
#include <openssl/async.h>
#include <stdlib.h>
#include "tls/tls-private.h"

/* Jobs keep their stacks (32 KiB) for the next one; who finds none free waits without one. */
enum { JOBS_MAX = 128 };

static struct tls_wait *running; /* whose handshake OpenSSL is in */

void tls_wait_allow(SSL *ssl)
{
	static bool ready;

	if (!ready && (!ASYNC_is_capable() || ASYNC_init_thread(JOBS_MAX, 0) != 1))
		return;
	ready = true;
	SSL_set_mode(ssl, SSL_MODE_ASYNC);
}

static int run(struct tls_wait *w, SSL *ssl)
{
	int r;

	running = w;
	r = SSL_do_handshake(ssl);
	running = NULL;
	return r;
}

int tls_wait_shake(struct tls_wait *w, SSL *ssl)
{
	int r = run(w, ssl);

	if (r < 0 && SSL_want_async_job(ssl)) { /* too many stand still: this one blocks */
		SSL_clear_mode(ssl, SSL_MODE_ASYNC);
		r = run(w, ssl);
	}
	if (r == 1)
		SSL_clear_mode(ssl, SSL_MODE_ASYNC); /* nothing is signed any more */
	return r;
}

bool tls_wait_possible(void)
{
	return running && ASYNC_get_current_job();
}

static void enter(struct tls_waits *home, struct tls_wait *w)
{
	struct tls_wait **end = &home->first;

	while (*end)
		end = &(*end)->next;
	*end = w;
	w->next = NULL;
	w->home = home;
}

static void leave(struct tls_wait *w)
{
	struct tls_wait **at;

	if (!w->home)
		return;
	for (at = &w->home->first; *at != w; at = &(*at)->next)
		;
	*at = w->next;
	w->home = NULL;
}

bool tls_wait(struct tls_waits *home, uint32_t id, unsigned char *out, size_t *n)
{
	struct tls_wait *w = running;
	bool ok;

	w->id = id;
	w->since = clock_mono_ms();
	w->state = TLS_WAIT_ASKED;
	enter(home, w);
	/* entered again before there is an answer: the client has hung up, or talks out of turn */
	while (w->state == TLS_WAIT_ASKED && ASYNC_pause_job() == 1)
		;
	leave(w);
	ok = w->state == TLS_WAIT_SIGNED && w->signature_n <= *n;
	if (ok) {
		memcpy(out, w->signature, w->signature_n);
		*n = w->signature_n;
	}
	free(w->signature);
	w->signature = NULL;
	w->state = TLS_WAIT_NOT;
	return ok;
}

void tls_wait_give_up(struct tls_wait *w, SSL *ssl)
{
	if (w->state == TLS_WAIT_NOT)
		return;
	leave(w);
	w->state = TLS_WAIT_FAILED;
	(void)SSL_do_handshake(ssl); /* the job ends, with an alert to the client */
}

/* Outside of everybody's callbacks and jobs. */
static void resume(void *ctx)
{
	struct tls_waits *home = ctx;
	struct tls_wait *w = home->first;

	home->due = false;
	while (w) {
		if (w->state == TLS_WAIT_ASKED) {
			w = w->next;
			continue;
		}
		leave(w);
		stream_shake_again(w->stream);
		w = home->first; /* whoever went on may have ended others */
	}
}

static void answered(struct tls_wait *w, enum tls_wait_state state)
{
	struct tls_waits *home = w->home;

	w->state = state;
	if (!home->due && loop_defer(home->loop, resume, home) == 0)
		home->due = true;
}

void tls_waits_answer(struct tls_waits *home, uint32_t id, struct str signature)
{
	struct tls_wait *w = home->first;

	while (w && !(w->id == id && w->state == TLS_WAIT_ASKED))
		w = w->next;
	if (!w)
		return; /* it has been given up */
	if (signature.n) {
		w->signature = mem_strndup(signature.p, signature.n);
		w->signature_n = signature.n;
	}
	answered(w, signature.n ? TLS_WAIT_SIGNED : TLS_WAIT_FAILED);
}

void tls_waits_fail(struct tls_waits *home)
{
	for (struct tls_wait *w = home->first; w; w = w->next)
		if (w->state == TLS_WAIT_ASKED)
			answered(w, TLS_WAIT_FAILED);
}

int64_t tls_waits_since(const struct tls_waits *home)
{
	for (const struct tls_wait *w = home->first; w; w = w->next)
		if (w->state == TLS_WAIT_ASKED)
			return w->since;
	return -1;
}

void tls_waits_free(struct tls_waits *home)
{
	while (home->first) {
		struct tls_wait *w = home->first;

		leave(w);
		w->state = TLS_WAIT_FAILED;
	}
	if (home->loop)
		loop_defer_cancel(home->loop, resume, home);
}
