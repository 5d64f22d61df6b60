/* The delivery track: see track.h. */
#include "config.h"

#include "courierd/track.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	HOUR = 3600,
	SWEEP = 60,
	WRITE_AT = 64 * 1024,
	LINES_MAX = 4 * 1024 * 1024,
	FILE_MAX = 256 * 1024 * 1024,
	NAME_SIZE = 32,
};

struct entry {
	int64_t when;
	char letter;
};

struct track {
	struct map *entries;
	int dir; /* -1: none */
	struct buf lines;
	int64_t lines_hour, swept;
	bool full, failing; /* said so */
	track_changed changed;
	void *ctx;
};

struct track *track_new(const char *dir, track_changed changed, void *ctx)
{
	struct track *t = calloc(1, sizeof *t);
	if (!t || !(t->entries = map_new())) {
		free(t);
		return NULL;
	}
	t->changed = changed;
	t->ctx = ctx;
	t->dir = -1;
	buf_init(&t->lines, LINES_MAX);
	if (dir && (file_mkdirs(-1, dir, 0700) < 0 ||
		       (t->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)) < 0))
		log_error(
		    NULL, "cannot use the folder '%s': %m; the delivery track is not kept", dir);
	return t;
}

static void tell(struct track *t, struct str address, char letter)
{
	if (t->changed)
		t->changed(t->ctx, address, letter);
}

/* ---- files ----------------------------------------------------------------------------------- */

static void write_failed(struct track *t)
{
	if (!t->failing)
		log_error(NULL, "cannot write the delivery track: %m");
	t->failing = true;
}

static void write_lines(struct track *t)
{
	char name[NAME_SIZE];
	struct str lines = buf_str(&t->lines);
	if (lines.n && t->dir >= 0) {
		snprintf(name, sizeof name, "%lld", (long long)t->lines_hour);
		int fd = openat(
		    t->dir, name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd < 0 || file_write_all(fd, lines.p, lines.n) < 0)
			write_failed(t);
		else
			t->failing = false;
		if (fd >= 0)
			file_close(fd);
	}
	buf_clear(&t->lines);
}

static void add_line(struct track *t, struct str address, char letter, int64_t now)
{
	if (now / HOUR != t->lines_hour || t->lines.n > WRITE_AT)
		write_lines(t);
	t->lines_hour = now / HOUR;
	buf_addf(&t->lines, "%lld %c%.*s\n", (long long)now, letter, STR_FMT(address));
}

/* ---- entries --------------------------------------------------------------------------------- */

static bool fit(struct str address)
{
	return address.n > 0 && address.n <= TRACK_ADDRESS_MAX && !str_has_ctl(address);
}

/* false: nothing new, or no room */
static bool put(struct track *t, struct str address, char letter, int64_t when)
{
	struct entry *e = map_get(t->entries, address);
	if (e) {
		bool news = e->letter != letter;
		*e = (struct entry){when, letter};
		return news;
	}
	if (map_count(t->entries) >= TRACK_MAX) {
		if (!t->full)
			log_warning(NULL,
			    "the delivery track is full; further failures are not remembered");
		t->full = true;
		return false;
	}
	e = malloc(sizeof *e);
	if (!e || !map_set(t->entries, address, e)) {
		free(e);
		return false;
	}
	*e = (struct entry){when, letter};
	return true;
}

void track_add(struct track *t, struct str address, char letter, int64_t now)
{
	if (!fit(address))
		return;
	if (put(t, address, letter, now))
		tell(t, address, letter);
	if (map_get(t->entries, address))
		add_line(t, address, letter, now);
}

bool track_clear(struct track *t, struct str address, char letter, int64_t now)
{
	struct entry *e = map_del(t->entries, address);
	if (!e)
		return false;
	free(e);
	t->full = false;
	add_line(t, address, letter, now);
	tell(t, address, 0);
	return true;
}

/* Takes off the entries that are too old, or all by hand. */
static void drop(struct track *t, int64_t now, bool by_hand)
{
	struct map *old = t->entries, *keep = map_new();
	struct str address;
	void *v;
	if (!keep)
		return;
	for (size_t at = 0; map_next(old, &at, &address, &v);) {
		struct entry *e = v;
		if (!by_hand && e->when + TRACK_SECONDS > now && map_set(keep, address, e))
			continue;
		free(e);
		if (by_hand)
			add_line(t, address, 'A', now);
		tell(t, address, 0);
	}
	map_free(old, NULL);
	t->entries = keep;
	t->full = false;
}

void track_clear_all(struct track *t, int64_t now)
{
	drop(t, now, true);
	write_lines(t);
}

void track_turn(struct track *t, int64_t now)
{
	write_lines(t);
	if (now - t->swept < SWEEP && now >= t->swept)
		return;
	t->swept = now;
	drop(t, now, false);
	/* too old when its last line must be */
	file_unlink_below(t->dir, now / HOUR - TRACK_SECONDS / HOUR);
}

/* ---- the start ------------------------------------------------------------------------------- */

static void take_line(struct track *t, struct str line, int64_t now)
{
	struct str time;
	int64_t when;
	if (!str_split(&line, ' ', &time) || !line.p || line.n < 2 || !str_i64(time, &when))
		return;
	struct str address = str_skip(line, 1);
	char letter = line.p[0];
	if (letter == 'S' || letter == 'A')
		free(map_del(t->entries, address));
	else if ((letter == 'F' || letter == 'D' || letter == 'B') && fit(address) && when <= now &&
		 when + TRACK_SECONDS > now)
		put(t, address, letter, when);
}

/* A line that a crash has cut has no LF: it is left out and taken off, lest the next continue it.
 */
static void take_file(struct track *t, int64_t hour, int64_t now)
{
	char name[NAME_SIZE];
	struct buf b;
	struct str rest, line;
	snprintf(name, sizeof name, "%lld", (long long)hour);
	buf_init(&b, FILE_MAX);
	if (file_read(t->dir, name, &b) < 0 && errno != ENOENT)
		log_warning(NULL, "cannot read the delivery track '%s': %m", name);
	ptrdiff_t last = str_rchr(buf_str(&b), '\n');
	for (rest = str_head(buf_str(&b), (size_t)(last + 1)); str_split(&rest, '\n', &line);)
		take_line(t, line, now);
	if (b.n > (size_t)(last + 1)) {
		int fd = openat(t->dir, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
		if (fd < 0 || ftruncate(fd, last + 1) < 0)
			write_failed(t);
		if (fd >= 0)
			file_close(fd);
	}
	buf_free(&b);
}

void track_load(struct track *t, int64_t now)
{
	for (int64_t hour = now / HOUR - TRACK_SECONDS / HOUR; t->dir >= 0 && hour <= now / HOUR;
	     hour++)
		take_file(t, hour, now);
}

size_t track_count(const struct track *t)
{
	return map_count(t->entries);
}

bool track_next(const struct track *t, size_t *at, struct str *address, char *letter)
{
	void *v;
	if (!map_next(t->entries, at, address, &v))
		return false;
	*letter = ((struct entry *)v)->letter;
	return true;
}

void track_free(struct track *t)
{
	if (!t)
		return;
	write_lines(t);
	map_free(t->entries, free);
	buf_free(&t->lines);
	if (t->dir >= 0)
		close(t->dir);
	free(t);
}
