/* Which files hold the pairs of which service, and what of them is served now. */
#include "config.h"
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include "courierd/key.h"

static const struct config_setting rows[] = {TLS_KEY_ROWS};

#define COMPONENT(id, n_, f_, o_)                              \
	static const struct config_component id = {.name = n_, \
	    .file = f_,                                        \
	    .overlay = o_,                                     \
	    .settings = rows,                                  \
	    .n = ARRAY_LEN(rows),                              \
	    .foreign_ok = true}
COMPONENT(esmtpd, "esmtpd", "esmtpd", NULL);
COMPONENT(esmtpd_msa, "esmtpd-msa", "esmtpd", "esmtpd-msa");
COMPONENT(esmtpd_ssl, "esmtpd-ssl", "esmtpd", "esmtpd-ssl");
COMPONENT(imapd, "imapd", "imapd", "imapd-ssl");
COMPONENT(pop3d, "pop3d", "pop3d", "pop3d-ssl");
COMPONENT(esmtp, "esmtp", "courierd", NULL);

const struct config_component *const key_settings[KEY_COMPONENTS] = {
    &esmtpd, &esmtpd_msa, &esmtpd_ssl, &imapd, &pop3d, &esmtp};

/* The file that everybody shares who has none of his own. */
static const char shared_file[] = "esmtpd.pem";

static const struct {
	const char *role, *file;
} homes[KEY_COMPONENTS] = {
    {"esmtpd", "esmtpd.pem"},
    {"esmtpd", "esmtpd.pem"},
    {"esmtpd", "esmtpd.pem"},
    {"imaplogin", "imapd.pem"},
    {"pop3login", "pop3d.pem"},
    {"esmtp", NULL},
};

void key_store_init(struct key_store *s)
{
	*s = (struct key_store){0};
	for (size_t i = 0; i < KEY_COMPONENTS; i++) {
		s->components[i].settings = key_settings[i];
		s->components[i].role = homes[i].role;
		s->components[i].default_file = homes[i].file;
	}
}

void key_store_free(struct key_store *s)
{
	for (size_t i = 0; i < KEY_COMPONENTS; i++) {
		struct key_component *c = &s->components[i];

		for (size_t k = 0; k < c->pairs.n; k++)
			key_pair_release(&c->pairs.v[k]);
		vec_free(&c->pairs);
	}
}

static char *in_folder(const char *folder, struct str name)
{
	if (name.n && name.p[0] == '/')
		return mem_strndup(name.p, name.n);
	return mem_printf("%s/%.*s", folder, STR_FMT(name));
}

static bool exists(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 || errno == EACCES; /* the helper may see it */
}

static char *certificate_path(
    const struct key_component *c, const struct config *conf, const struct instance *in)
{
	struct str set = config_str(conf, c->settings->name, "TLS_CERTFILE", NULL);
	char *path;

	if (set.n)
		return in_folder(in->etc, set);
	if (!c->default_file)
		return NULL;
	path = in_folder(in->etc, str_of(c->default_file));
	if (exists(path))
		return path;
	free(path);
	return in_folder(in->etc, str_of(shared_file));
}

bool key_component_paths(const struct key_component *c, const struct config *conf,
    const struct instance *in, char **cert, char **key)
{
	struct str set = config_str(conf, c->settings->name, "TLS_PRIVATE_KEYFILE", NULL);

	*cert = certificate_path(c, conf, in);
	if (!*cert)
		return false;
	*key = set.n ? in_folder(in->etc, set) : mem_strdup(*cert);
	return true;
}

static struct key_pair *find_ending(struct key_component *c, const char *ending)
{
	for (size_t i = 0; i < c->pairs.n; i++)
		if (strcmp(c->pairs.v[i].ending, ending) == 0)
			return &c->pairs.v[i];
	return NULL;
}

bool key_component_doubles(const struct key_component *c, size_t i)
{
	const struct key_pair *p = &c->pairs.v[i];

	for (size_t k = 0; k < i; k++) {
		const struct key_pair *q = &c->pairs.v[k];

		if (q->key && p->key && str_ieq(str_of(p->suffix), str_of(q->suffix)) &&
		    EVP_PKEY_get_base_id(p->key) == EVP_PKEY_get_base_id(q->key))
			return true;
	}
	return false;
}

static char *suffix_of(const char *ending)
{
	static const char *const kinds[] = {"rsa", "ecdsa"};
	struct str s = str_of(ending);

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		struct str kind = str_of(kinds[i]);

		if (str_ieq(s, kind))
			return mem_strdup("");
		if (s.n > kind.n && s.p[s.n - kind.n - 1] == '.' &&
		    str_ieq(str_skip(s, s.n - kind.n), kind))
			return mem_strndup(s.p, s.n - kind.n - 1);
	}
	return mem_strdup(ending);
}

/* Puts what was loaded in place of `old`, or adds it.  True when clients must hear of it. */
static bool put_pair(
    struct key_component *c, struct key_pair *old, struct key_pair *fresh, const char *ending)
{
	bool changed = !old || !old->key ||
		       memcmp(old->fingerprint, fresh->fingerprint, KEY_FINGERPRINT) != 0 ||
		       old->chain_n != fresh->chain_n ||
		       memcmp(old->chain, fresh->chain, fresh->chain_n) != 0;

	fresh->seen = true;
	fresh->ending = mem_strdup(ending);
	fresh->suffix = suffix_of(ending);
	if (old) {
		key_pair_release(old);
		*old = *fresh;
	} else
		vec_push(&c->pairs, *fresh);
	return changed;
}

/* Once for each change of the files, or of what is wrong; what never worked is kept in mind for
 * that.  Takes `why` over. */
static void tell_fault(struct key_component *c, struct key_pair *p, char *why, const char *stamp)
{
	if (!p->fault || strcmp(p->fault, why) != 0 || strcmp(p->stamp, stamp) != 0)
		log_error(NULL, "%s: %s%s", c->settings->name, why,
		    p->key ? "; the certificate that was there before stays in use" : "");
	memcpy(p->stamp, stamp, sizeof p->stamp);
	free(p->fault);
	p->fault = why;
}

static void tell_age(const struct key_component *c, struct key_pair *p, const char *path)
{
	static const char *const words[] = {
	    [KEY_AGE_EARLY] = "is not valid before",
	    [KEY_AGE_SOON] = "expires soon and must be renewed; it is valid until",
	    [KEY_AGE_OVER] = "has expired; it is served all the same; it was valid until",
	};
	enum key_age age = key_pair_age(p, clock_now());
	char date[CLOCK_ISO_SIZE];

	if (age != p->age && age != KEY_AGE_GOOD)
		log_warning(NULL, "%s: the certificate in '%s' %s %s", c->settings->name, path,
		    words[age],
		    clock_iso(age == KEY_AGE_EARLY ? p->not_before : p->not_after, date));
	p->age = age;
}

static bool load_pair(struct key_component *c, struct key_pair *old, const char *ending,
    const char *cert_path, const char *key_path)
{
	struct key_pair fresh = {0};
	char *why;

	if (key_pair_load(&fresh, cert_path, key_path, &why) < 0) {
		if (!old)
			(void)put_pair(c, NULL, &(struct key_pair){0}, ending);
		tell_fault(c, find_ending(c, ending), why, fresh.stamp);
		key_pair_release(&fresh);
		return false;
	}
	if (old && old->key && strcmp(old->stamp, fresh.stamp) == 0) {
		key_pair_release(&fresh);
		return false;
	}
	return put_pair(c, old, &fresh, ending);
}

static bool refresh_pair(
    struct key_component *c, const char *ending, const char *cert_path, const char *key_path)
{
	struct key_pair *p = find_ending(c, ending);
	bool changed = false;

	if (!p || !key_pair_unchanged(p, cert_path, key_path))
		changed = load_pair(c, p, ending, cert_path, key_path);
	p = find_ending(c, ending);
	p->seen = true;
	if (p->key)
		tell_age(c, p, cert_path);
	return changed;
}

/* Suffixes are host names or addresses; not what editors and tools leave behind. */
static bool suffix_ok(const char *s)
{
	static const char *const leftovers[] = {
	    "bak", "old", "new", "orig", "tmp", "dist", "rpmsave"};

	for (size_t i = 0; i < ARRAY_LEN(leftovers); i++)
		if (strcmp(s, leftovers[i]) == 0)
			return false;
	return s[0] && strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				 "0123456789.-_:") == strlen(s);
}

/* A key file whose name is longer than the certificate's, and its own siblings. */
static bool belongs_to_key(const char *path, const char *cert_path, const char *key_path)
{
	size_t n = strlen(key_path);

	return n > strlen(cert_path) && strncmp(path, key_path, n) == 0 &&
	       (path[n] == 0 || path[n] == '.');
}

static void tell_doubles(const struct key_component *c)
{
	for (size_t i = 0; i < c->pairs.n; i++)
		if (key_component_doubles(c, i))
			log_warning(NULL,
			    "%s: the certificate '.%s' is not used: another one is for the same "
			    "name and has a key of the same kind",
			    c->settings->name, c->pairs.v[i].ending);
}

static bool refresh_siblings(struct key_component *c, const char *cert_path, const char *key_path)
{
	const char *slash = strrchr(cert_path, '/'), *base = slash ? slash + 1 : cert_path;
	char *folder =
	    slash ? mem_strndup(cert_path, (size_t)(slash - cert_path)) : mem_strdup(".");
	size_t n = strlen(base);
	DIR *dir = opendir(folder[0] ? folder : "/");
	struct dirent *e;
	bool changed = false;

	while (dir && (e = readdir(dir))) {
		const char *suffix = e->d_name + n + 1;
		char *cert, *key;

		if (strncmp(e->d_name, base, n) != 0 || e->d_name[n] != '.' || !suffix_ok(suffix))
			continue;
		cert = mem_printf("%s.%s", cert_path, suffix);
		if (belongs_to_key(cert, cert_path, key_path)) {
			free(cert);
			continue;
		}
		key = mem_printf("%s.%s", key_path, suffix);
		if (strcmp(cert_path, key_path) != 0 && !exists(key)) {
			free(key); /* the key may stand with its certificate */
			key = mem_strdup(cert);
		}
		changed |= refresh_pair(c, suffix, cert, key);
		free(cert);
		free(key);
	}
	if (dir)
		closedir(dir);
	free(folder);
	return changed;
}

static bool drop_unseen(struct key_component *c)
{
	bool changed = false;

	for (size_t i = 0; i < c->pairs.n;) {
		if (c->pairs.v[i].seen) {
			i++;
			continue;
		}
		changed |= c->pairs.v[i].key != NULL;
		key_pair_release(&c->pairs.v[i]);
		vec_remove(&c->pairs, i);
	}
	return changed;
}

static bool refresh(struct key_component *c, const struct config *conf, const struct instance *in)
{
	char *cert, *key;
	bool changed = false;

	if (!key_component_paths(c, conf, in, &cert, &key))
		return false;
	for (size_t i = 0; i < c->pairs.n; i++)
		c->pairs.v[i].seen = c->pairs.v[i].ending[0] == 0; /* the main one stays */
	if (exists(cert))
		changed = refresh_pair(c, "", cert, key);
	changed |= refresh_siblings(c, cert, key);
	changed |= drop_unseen(c);
	if (changed)
		tell_doubles(c);
	free(cert);
	free(key);
	return changed;
}

unsigned key_store_refresh(struct key_store *s, const struct config *c, const struct instance *in)
{
	unsigned changed = 0;

	for (size_t i = 0; i < KEY_COMPONENTS; i++)
		if (refresh(&s->components[i], c, in))
			changed |= 1U << i;
	return changed;
}

struct key_component *key_store_component(struct key_store *s, struct str name, const char *role)
{
	for (size_t i = 0; i < KEY_COMPONENTS; i++) {
		struct key_component *c = &s->components[i];

		if (str_is(name, c->settings->name) && strcmp(role, c->role) == 0)
			return c;
	}
	return NULL;
}

const struct key_pair *key_component_pair(const struct key_component *c, struct str fingerprint)
{
	if (fingerprint.n != KEY_FINGERPRINT)
		return NULL;
	for (size_t i = 0; i < c->pairs.n; i++)
		if (c->pairs.v[i].key &&
		    memcmp(c->pairs.v[i].fingerprint, fingerprint.p, KEY_FINGERPRINT) == 0)
			return &c->pairs.v[i];
	return NULL;
}

size_t key_component_working(const struct key_component *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->pairs.n; i++)
		n += c->pairs.v[i].key != NULL;
	return n;
}
