#include "sts/no-tls.h"
#include <stdlib.h>

struct no_tls {
	struct map *hosts; /* host -> struct until */
};
struct until {
	int64_t at;
};

bool no_tls_line(struct str line, int64_t *until, struct str *host)
{
	struct str word;
	if (!str_word(&line, &word) || !str_i64(word, until) || *until <= 0)
		return false;
	*host = str_trim(line);
	return host->n && host->n <= NO_TLS_HOST_MAX && !str_has_ctl(*host);
}

struct no_tls *no_tls_new(void)
{
	struct no_tls *n = mem_new(struct no_tls);
	n->hosts = map_new();
	if (n->hosts)
		return n;
	free(n);
	return NULL;
}

void no_tls_free(struct no_tls *n)
{
	if (!n)
		return;
	map_free(n->hosts, free);
	free(n);
}

/* A host must not stay without TLS for years because the clock was set back. */
static bool is_over(const struct until *u, int64_t now)
{
	return u->at < now || u->at > now + NO_TLS_LONGEST_S;
}

/* What is over makes room.  Without memory nothing changes. */
static void sweep(struct no_tls *n, int64_t now)
{
	struct map *left = map_new();
	size_t at = 0;
	struct str host;
	void *u;
	bool good = left != NULL;
	while (good && map_next(n->hosts, &at, &host, &u))
		good = is_over(u, now) || map_set(left, host, u);
	at = 0;
	while (good && map_next(n->hosts, &at, &host, &u))
		if (is_over(u, now))
			free(u);
	map_free(good ? n->hosts : left, NULL);
	n->hosts = good ? left : n->hosts;
}

bool no_tls_add(struct no_tls *n, struct str host, int64_t until)
{
	struct until *u = map_get(n->hosts, host);
	if (!u && map_count(n->hosts) >= NO_TLS_HOSTS_MAX)
		sweep(n, clock_now());
	if (!u && (map_count(n->hosts) >= NO_TLS_HOSTS_MAX || host.n > NO_TLS_HOST_MAX))
		return false;
	if (!u) {
		u = mem_new(struct until);
		if (!map_set(n->hosts, host, u)) {
			free(u);
			return false;
		}
	}
	u->at = until;
	return true;
}

bool no_tls_has(struct no_tls *n, struct str host, int64_t now)
{
	struct until *u = map_get(n->hosts, host);
	if (u && is_over(u, now)) {
		free(map_del(n->hosts, host));
		u = NULL;
	}
	return u;
}

void no_tls_read(struct no_tls *n, struct str lines)
{
	struct str line, host;
	int64_t until;
	while (str_split(&lines, '\n', &line))
		if (no_tls_line(line, &until, &host))
			no_tls_add(n, host, until);
}

bool no_tls_print(struct no_tls *n, size_t *at, int64_t now, struct buf *out)
{
	struct str host;
	void *value;
	while (out->n + NO_TLS_HOST_MAX + 32 < out->max) {
		if (!map_next(n->hosts, at, &host, &value))
			return false;
		const struct until *u = value;
		if (!is_over(u, now))
			buf_addf(out, "%lld %.*s\n", (long long)u->at, STR_FMT(host));
	}
	return true;
}
