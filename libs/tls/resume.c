/*
 * Sessions that a client has had with servers, to be resumed: by name and by what was proved then,
 * since a resumed handshake proves nothing anew.  Those of TLS 1.3 are used once (RFC 8446, C.4),
 * and all for two hours at the most, so that certificates and policies are looked at again.
 */
#include "config.h"
#include <stdio.h>
#include <stdlib.h>
#include "tls/tls-private.h"

enum { SESSIONS_MAX = 1000, SESSION_AGE_S = 2 * 3600, KEY_SIZE = 300 };

struct tls_sessions {
	struct map *map; /* key -> SSL_SESSION */
};

static int owner_index = -1, mode_index = -1;

struct tls_sessions *tls_sessions_new(void)
{
	struct tls_sessions *s = mem_new(struct tls_sessions);

	if (owner_index < 0) {
		owner_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
		mode_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	}
	s->map = map_new();
	if (s->map && owner_index >= 0 && mode_index >= 0)
		return s;
	tls_sessions_free(s);
	return NULL;
}

static void session_free(void *p)
{
	SSL_SESSION_free(p);
}

void tls_sessions_free(struct tls_sessions *s)
{
	if (!s)
		return;
	if (s->map)
		map_free(s->map, session_free);
	free(s);
}

/* False: it has no name to go by. */
static bool key_of(const SSL *ssl, enum tls_verify v, char key[KEY_SIZE])
{
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

	return name && name[0] && snprintf(key, KEY_SIZE, "%d %s", (int)v, name) < KEY_SIZE;
}

static void make_room(struct tls_sessions *s)
{
	size_t at = 0;
	struct str key;
	void *old;

	if (map_count(s->map) >= SESSIONS_MAX && map_next(s->map, &at, &key, &old))
		session_free(map_del(s->map, key));
}

/* OpenSSL's callback: a ticket has come.  A copy is kept: OpenSSL spoils the session of a
 * connection that is given up without the closing words, as mail servers like to do. */
static int keep(SSL *ssl, SSL_SESSION *session)
{
	struct tls_sessions *s = SSL_get_ex_data(ssl, owner_index);
	uintptr_t v = (uintptr_t)SSL_get_ex_data(ssl, mode_index);
	char key[KEY_SIZE];
	SSL_SESSION *copy;

	if (!s || !key_of(ssl, (enum tls_verify)v, key) || !SSL_SESSION_is_resumable(session))
		return 0;
	session_free(map_del(s->map, str_of(key)));
	make_room(s);
	copy = SSL_SESSION_dup(session);
	if (copy && !map_set(s->map, str_of(key), copy))
		session_free(copy);
	return 0;
}

static bool fresh(const SSL_SESSION *session)
{
	int64_t age = clock_now() - (int64_t)SSL_SESSION_get_time(session);

	return age >= 0 && age < SESSION_AGE_S;
}

void tls_sessions_forget(struct tls_sessions *s, const char *name, enum tls_verify v)
{
	char key[KEY_SIZE];

	if (snprintf(key, KEY_SIZE, "%d %s", (int)v, name) < KEY_SIZE)
		session_free(map_del(s->map, str_of(key)));
}

bool tls_sessions_use(struct tls_sessions *s, SSL_CTX *ctx, SSL *ssl, enum tls_verify v)
{
	char key[KEY_SIZE];
	SSL_SESSION *session, *copy;
	bool offered;

	SSL_CTX_set_session_cache_mode(
	    ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
	SSL_CTX_sess_set_new_cb(ctx, keep);
	SSL_set_ex_data(ssl, owner_index, s);
	SSL_set_ex_data(ssl, mode_index, (void *)(uintptr_t)v);
	session = key_of(ssl, v, key) ? map_get(s->map, str_of(key)) : NULL;
	if (!session)
		return false;
	copy = fresh(session) ? SSL_SESSION_dup(session) : NULL; /* as above */
	offered = copy && SSL_set_session(ssl, copy) == 1;
	SSL_SESSION_free(copy);
	if (!offered || SSL_SESSION_get_protocol_version(session) == TLS1_3_VERSION)
		session_free(map_del(s->map, str_of(key)));
	return offered;
}
