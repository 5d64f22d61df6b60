#include "config.h"

#include "filters/verifyfilter-cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { HOUR = 3600, NAME_SIZE = 32, KEY_MAX = 2 * VERIFY_ADDRESS_MAX, LINE_MAX_ = 2048 };

struct entry {
	int64_t hour;
	char letter;
};

struct verify_cache {
	struct map *good, *bad; /* 'V' by key, 'v' by address */
	int dir;                /* -1: none */
	bool base;
	int64_t hour; /* of the last sweep */
	struct buf key;
};

bool verify_line(struct str line, int64_t *when, char *letter, struct str *address)
{
	struct str time;
	if (!str_split(&line, ' ', &time) || !str_i64(time, when) || line.n < 2)
		return false;
	*letter = line.p[0];
	*address = str_skip(line, 1);
	return ascii_alpha((unsigned char)*letter) && address->n <= VERIFY_ADDRESS_MAX;
}

bool verify_key(struct str address, bool base, struct buf *out)
{
	ptrdiff_t at = str_rchr(address, '@');
	struct str local = at < 0 ? address : str_head(address, (size_t)at);
	struct str domain = at < 0 ? STR_NONE : str_skip(address, (size_t)at);
	ptrdiff_t dash = str_chr(local, '-');
	buf_adds(out, base && dash > 0 ? str_head(local, (size_t)dash) : local);
	for (size_t i = 0; i < domain.n; i++)
		buf_addc(out, (char)ascii_lower((unsigned char)domain.p[i]));
	return !out->failed;
}

static struct str key_of(struct verify_cache *c, struct str address, char letter)
{
	buf_clear(&c->key);
	return verify_key(address, c->base && letter == 'V', &c->key) ? buf_str(&c->key) : STR_NONE;
}

static bool fit(struct str address)
{
	return address.n && address.n <= VERIFY_ADDRESS_MAX && !str_has_ctl(address);
}

/* ---- memory ---------------------------------------------------------------------------------- */

static void keep(struct verify_cache *c, struct str key, char letter, int64_t hour)
{
	struct map *m = letter == 'V' ? c->good : c->bad;
	struct entry *e = map_get(m, key);
	if (!e && map_count(m) < VERIFY_KNOWN_MAX) {
		e = malloc(sizeof *e);
		if (e && !map_set(m, key, e)) {
			free(e);
			e = NULL;
		}
	}
	if (e)
		*e = (struct entry){hour, letter};
}

static void drop_old(struct map **m, int64_t oldest)
{
	struct map *fresh = map_new();
	struct str key;
	void *v;
	if (!fresh)
		return;
	for (size_t at = 0; map_next(*m, &at, &key, &v);) {
		struct entry *e = v;
		if (e->hour < oldest || !map_set(fresh, key, e))
			free(e);
	}
	map_free(*m, NULL);
	*m = fresh;
}

/* ---- files ----------------------------------------------------------------------------------- */

static void file_name(int64_t hour, char name[NAME_SIZE])
{
	snprintf(name, NAME_SIZE, "%lld", (long long)hour);
}

/* The last line about an address counts. */
static void keep_line(struct verify_cache *c, struct str address, char letter, int64_t hour)
{
	if (letter == 'V')
		free(map_del(c->bad, key_of(c, address, 'v')));
	keep(c, key_of(c, address, letter), letter, hour);
}

static void load_hour(struct verify_cache *c, int64_t hour)
{
	struct buf text;
	char name[NAME_SIZE], letter;
	int64_t when;
	struct str line, address;
	file_name(hour, name);
	buf_init(&text, VERIFY_FILE_MAX);
	if (file_read(c->dir, name, &text) < 0 && errno != ENOENT && errno != EFBIG)
		log_error(NULL, "cannot read the file '%s' of verified addresses: %m", name);
	struct str rest = buf_str(&text);
	while (str_split(&rest, '\n', &line))
		if (verify_line(line, &when, &letter, &address) && when / HOUR == hour &&
		    (letter == 'V' || letter == 'v'))
			keep_line(c, address, letter, hour);
	buf_free(&text);
}

static void add_line(struct verify_cache *c, struct str address, char letter, int64_t now)
{
	char name[NAME_SIZE];
	struct buf line;
	if (c->dir < 0)
		return;
	file_name(now / HOUR, name);
	buf_init(&line, LINE_MAX_);
	buf_addf(&line, "%lld %c%.*s\n", (long long)now, letter, STR_FMT(address));
	int fd = openat(c->dir, name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || file_write_all(fd, line.p, line.n) < 0)
		log_error(NULL, "cannot write the file '%s' of verified addresses: %m", name);
	if (fd >= 0)
		file_close(fd);
	buf_free(&line);
}

/* ---- calls ----------------------------------------------------------------------------------- */

struct verify_cache *verify_cache_new(const char *dir, bool base, int64_t now)
{
	struct verify_cache *c = mem_new(struct verify_cache);
	c->base = base;
	c->good = map_new();
	c->bad = map_new();
	c->dir = -1;
	c->hour = now / HOUR;
	buf_init(&c->key, KEY_MAX);
	if (!c->good || !c->bad) {
		verify_cache_free(c);
		return NULL;
	}
	if (dir && ((mkdir(dir, 0700) && errno != EEXIST) ||
		       (c->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0))
		log_error(
		    NULL, "cannot use the folder '%s': %m; answers are kept in memory alone", dir);
	if (c->dir >= 0)
		for (int64_t hour = c->hour - VERIFY_HOURS; hour <= c->hour; hour++)
			load_hour(c, hour);
	file_unlink_below(c->dir, c->hour - VERIFY_HOURS);
	return c;
}

void verify_cache_free(struct verify_cache *c)
{
	if (!c)
		return;
	map_free(c->good, free);
	map_free(c->bad, free);
	if (c->dir >= 0)
		close(c->dir);
	buf_free(&c->key);
	free(c);
}

static void turn(struct verify_cache *c, int64_t now)
{
	int64_t hour = now / HOUR;
	if (hour == c->hour)
		return;
	c->hour = hour;
	drop_old(&c->good, hour - VERIFY_HOURS);
	drop_old(&c->bad, hour - VERIFY_HOURS);
	file_unlink_below(c->dir, hour - VERIFY_HOURS);
}

char verify_cache_find(struct verify_cache *c, struct str address, int64_t now)
{
	if (!fit(address))
		return 0;
	turn(c, now);
	struct entry *bad = map_get(c->bad, key_of(c, address, 'v'));
	struct entry *good = map_get(c->good, key_of(c, address, 'V'));
	if (bad)
		return 'v';
	if (!good)
		return 0;
	if (good->hour != c->hour)
		verify_cache_put(c, address, 'V', now);
	return 'V';
}

void verify_cache_put(struct verify_cache *c, struct str address, char letter, int64_t now)
{
	if (!fit(address))
		return;
	turn(c, now);
	if (letter == 'V')
		free(map_del(c->bad, key_of(c, address, 'v')));
	struct str key = key_of(c, address, letter);
	keep(c, key, letter, c->hour);
	add_line(c, key, letter, now);
}
