#include "config.h"
#include <arpa/inet.h>
#include <curl/curl.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include "sts/fetch.h"

enum { ADDRESSES_MAX = 8, WHY_SIZE = CURL_ERROR_SIZE + 64 };

struct sts_fetcher {
	struct loop *loop;
	CURLM *multi;
	struct timer *timer;
	X509_STORE *trust;
	uint16_t port;
	struct sts_fetch *first;
	char *proxy, *user, *password; /* proxy "": none */
};

struct sts_fetch {
	struct sts_fetcher *f;
	struct sts_fetch *next;
	CURL *easy;
	struct curl_slist *resolve, *headers;
	struct buf body;
	bool too_long;
	char error[CURL_ERROR_SIZE];
	sts_fetched done;
	void *ctx;
};

/* ---- libcurl on the loop --------------------------------------------------------------------- */

struct socket_watch {
	struct sts_fetcher *f;
	struct watch *watch;
};

static void collect(struct sts_fetcher *f);

static void socket_event(void *ctx, int fd, int what)
{
	struct sts_fetcher *f = ((struct socket_watch *)ctx)->f;
	int running, bits = (what & WATCH_READ ? CURL_CSELECT_IN : 0) |
			    (what & WATCH_WRITE ? CURL_CSELECT_OUT : 0);
	curl_multi_socket_action(f->multi, fd, bits, &running);
	collect(f);
}

static int socket_wanted(CURL *easy UNUSED, curl_socket_t fd, int what, void *ctx, void *own)
{
	struct sts_fetcher *f = ctx;
	struct socket_watch *w = own;
	if (what == CURL_POLL_REMOVE) {
		if (w)
			watch_free(w->watch);
		free(w);
		curl_multi_assign(f->multi, fd, NULL);
		return 0;
	}
	if (!w) {
		w = mem_new(struct socket_watch);
		w->f = f;
		w->watch = watch_new(f->loop, fd, socket_event, w);
		if (!w->watch) {
			free(w);
			return -1;
		}
		curl_multi_assign(f->multi, fd, w);
	}
	watch_set(w->watch,
	    (what & CURL_POLL_IN ? WATCH_READ : 0) | (what & CURL_POLL_OUT ? WATCH_WRITE : 0));
	return 0;
}

static int timer_wanted(CURLM *multi UNUSED, long ms, void *ctx)
{
	struct sts_fetcher *f = ctx;
	if (ms < 0)
		timer_clear(f->timer);
	else
		timer_set(f->timer, ms);
	return 0;
}

static void time_over(void *ctx)
{
	struct sts_fetcher *f = ctx;
	int running;
	curl_multi_socket_action(f->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	collect(f);
}

/* ---- one fetch ------------------------------------------------------------------------------- */

static void release(struct sts_fetch *t)
{
	struct sts_fetch **at = &t->f->first;
	while (*at && *at != t)
		at = &(*at)->next;
	if (*at)
		*at = t->next;
	if (t->easy) {
		curl_multi_remove_handle(t->f->multi, t->easy);
		curl_easy_cleanup(t->easy);
	}
	curl_slist_free_all(t->resolve);
	curl_slist_free_all(t->headers);
	buf_free(&t->body);
	free(t);
}

void sts_fetch_cancel(struct sts_fetch *t)
{
	if (t)
		release(t);
}

/* What speaks against an answer; NULL: nothing. */
static const char *fault_of(const struct sts_fetch *t, CURLcode code, char text[WHY_SIZE])
{
	const char *type = NULL;
	long status = 0;
	if (t->too_long)
		return "the policy is too long";
	if (code != CURLE_OK) {
		snprintf(text, WHY_SIZE, "%s", t->error[0] ? t->error : curl_easy_strerror(code));
		text[strcspn(text, "\r\n")] = 0;
		return text;
	}
	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(t->easy, CURLINFO_CONTENT_TYPE, &type);
	if (status != 200) {
		snprintf(text, WHY_SIZE, "the web server answers %ld%s", status,
		    status / 100 == 3 ? ", and redirects are not followed" : "");
		return text;
	}
	return sts_is_text_plain(str_of(type)) ? NULL : "the policy is not text/plain";
}

static void finish(struct sts_fetch *t, CURLcode code)
{
	char text[WHY_SIZE];
	const char *why = fault_of(t, code, text);
	t->done(t->ctx, why, why ? STR_NONE : buf_str(&t->body));
	release(t);
}

static void collect(struct sts_fetcher *f)
{
	CURLMsg *m;
	int left;
	while ((m = curl_multi_info_read(f->multi, &left))) {
		void *t = NULL;
		if (m->msg != CURLMSG_DONE)
			continue;
		CURLcode code = m->data.result;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &t);
		finish(t, code);
	}
}

static size_t more_body(char *p, size_t size, size_t n, void *ctx)
{
	struct sts_fetch *t = ctx;
	if (buf_add(&t->body, p, size * n))
		return size * n;
	t->too_long = true;
	return 0;
}

/* Only our authorities count, read before the root folder was changed. */
static CURLcode trust_ours(CURL *easy UNUSED, void *ssl_ctx, void *ctx)
{
	struct sts_fetch *t = ctx;
	SSL_CTX_set1_cert_store(ssl_ctx, t->f->trust);
	return CURLE_OK;
}

/* "host:port:address,address" */
static bool known_addresses(
    struct sts_fetch *t, const char *host, const struct sockaddr_storage *a, size_t n)
{
	struct buf line;
	buf_init(&line, 2048);
	buf_addf(&line, "%s:%u:", host, (unsigned)t->f->port);
	for (size_t i = 0; i < n && i < ADDRESSES_MAX; i++) {
		char ip[INET6_ADDRSTRLEN] = "";
		bool six = a[i].ss_family == AF_INET6;
		const void *at =
		    six ? (const void *)&((const struct sockaddr_in6 *)&a[i])->sin6_addr
			: (const void *)&((const struct sockaddr_in *)&a[i])->sin_addr;
		inet_ntop(a[i].ss_family, at, ip, sizeof ip);
		buf_addf(&line, "%s%s%s%s", i ? "," : "", six ? "[" : "", ip, six ? "]" : "");
	}
	t->resolve = line.failed ? NULL : curl_slist_append(NULL, line.p);
	buf_free(&line);
	return t->resolve;
}

/* Not even one that the environment names, when the settings name none. */
static bool set_proxy(struct sts_fetch *t)
{
	const struct sts_fetcher *f = t->f;
	CURL *e = t->easy;
	if (curl_easy_setopt(e, CURLOPT_NOPROXY, "") ||
	    curl_easy_setopt(e, CURLOPT_PROXY, f->proxy ? f->proxy : ""))
		return false;
	return !f->proxy || !f->user[0] ||
	       (!curl_easy_setopt(e, CURLOPT_PROXYUSERNAME, f->user) &&
		   !curl_easy_setopt(e, CURLOPT_PROXYPASSWORD, f->password));
}

static bool set_bounds(struct sts_fetch *t)
{
	CURL *e = t->easy;
	return !curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "https") &&
	       !curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L) && set_proxy(t) &&
	       !curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)STS_FETCH_MS) &&
	       !curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)STS_CONNECT_MS) &&
	       !curl_easy_setopt(e, CURLOPT_MAXFILESIZE, (long)STS_POLICY_MAX) &&
	       !curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L) &&
	       !curl_easy_setopt(e, CURLOPT_FORBID_REUSE, 1L) &&
	       !curl_easy_setopt(e, CURLOPT_RESOLVE, t->resolve);
}

static bool set_tls(struct sts_fetch *t)
{
	CURL *e = t->easy;
	return !curl_easy_setopt(e, CURLOPT_CAINFO, NULL) &&
	       !curl_easy_setopt(e, CURLOPT_CAPATH, NULL) &&
	       !curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 1L) &&
	       !curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 2L) &&
	       !curl_easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) &&
	       !curl_easy_setopt(e, CURLOPT_SSL_CTX_FUNCTION, trust_ours) &&
	       !curl_easy_setopt(e, CURLOPT_SSL_CTX_DATA, t);
}

static bool set_request(struct sts_fetch *t, const char *host)
{
	CURL *e = t->easy;
	char url[400];
	t->headers = curl_slist_append(NULL, "Accept: text/plain");
	snprintf(
	    url, sizeof url, "https://%s:%u/.well-known/mta-sts.txt", host, (unsigned)t->f->port);
	return t->headers && !curl_easy_setopt(e, CURLOPT_URL, url) &&
	       !curl_easy_setopt(e, CURLOPT_HTTPHEADER, t->headers) &&
	       !curl_easy_setopt(e, CURLOPT_USERAGENT, "courier-sts") &&
	       !curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) &&
	       !curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, more_body) &&
	       !curl_easy_setopt(e, CURLOPT_WRITEDATA, t) &&
	       !curl_easy_setopt(e, CURLOPT_ERRORBUFFER, t->error) &&
	       !curl_easy_setopt(e, CURLOPT_PRIVATE, t);
}

struct sts_fetch *sts_fetch(struct sts_fetcher *f, const char *host,
    const struct sockaddr_storage *addrs, size_t n, sts_fetched done, void *ctx)
{
	struct sts_fetch *t = mem_new(struct sts_fetch);
	t->f = f;
	t->done = done;
	t->ctx = ctx;
	buf_init(&t->body, STS_POLICY_MAX);
	t->easy = curl_easy_init();
	t->next = f->first;
	f->first = t;
	if (t->easy && known_addresses(t, host, addrs, n) && set_bounds(t) && set_tls(t) &&
	    set_request(t, host) && curl_multi_add_handle(f->multi, t->easy) == CURLM_OK)
		return t;
	release(t);
	return NULL;
}

/* ---- the fetcher ----------------------------------------------------------------------------- */

struct sts_fetcher *sts_fetcher_new(struct loop *l, struct x509_store_st *trust, uint16_t port)
{
	struct sts_fetcher *f = mem_new(struct sts_fetcher);
	f->loop = l;
	f->port = port;
	f->timer = timer_new(l, time_over, f);
	if (!curl_global_init(CURL_GLOBAL_DEFAULT))
		f->multi = curl_multi_init();
	if (!f->timer || !f->multi || !X509_STORE_up_ref(trust)) {
		log_error(NULL, "libcurl cannot be used");
		sts_fetcher_free(f);
		return NULL;
	}
	f->trust = trust;
	curl_multi_setopt(f->multi, CURLMOPT_SOCKETFUNCTION, socket_wanted);
	curl_multi_setopt(f->multi, CURLMOPT_SOCKETDATA, f);
	curl_multi_setopt(f->multi, CURLMOPT_TIMERFUNCTION, timer_wanted);
	curl_multi_setopt(f->multi, CURLMOPT_TIMERDATA, f);
	return f;
}

int sts_fetcher_proxy(
    struct sts_fetcher *f, const char *where, const char *user, const char *password)
{
	f->proxy = mem_printf("socks5://%s", where);
	f->user = mem_strdup(user);
	f->password = mem_strdup(password);
	return f->proxy && f->user && f->password ? 0 : -1;
}

void sts_fetcher_free(struct sts_fetcher *f)
{
	if (!f)
		return;
	while (f->first)
		release(f->first);
	if (f->multi)
		curl_multi_cleanup(f->multi);
	X509_STORE_free(f->trust);
	timer_free(f->timer);
	if (f->password)
		mem_wipe(f->password, strlen(f->password));
	free(f->proxy);
	free(f->user);
	free(f->password);
	free(f);
}
