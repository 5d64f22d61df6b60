/*
 * The start: what the journal holds becomes files, then the journal is empty.  Every step may be
 * done again from the beginning, so a crash in here costs nothing.
 */
#include "config.h"

#include "queue/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void report_line(struct queue_report *r, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	buf_vaddf(&r->text, fmt, ap);
	va_end(ap);
	buf_addc(&r->text, '\n');
}

struct alive {
	uint64_t seq;
	struct buf control, body;
	bool datafile;
};

struct replay {
	struct store *s;
	struct queue_report *report;
	struct map *alive;
	uint64_t top;
	uint32_t segment;
	int error;
};

static void alive_free(void *p)
{
	struct alive *a = p;
	buf_free(&a->control);
	buf_free(&a->body);
	free(a);
}

static bool no_memory(struct replay *r)
{
	r->error = ENOMEM;
	return false;
}

static bool on_message(struct replay *r, const struct journal_record *rec)
{
	struct alive *a = calloc(1, sizeof *a);
	if (!a)
		return no_memory(r);
	a->seq = rec->id;
	a->datafile = rec->type == JOURNAL_REFERENCE;
	buf_init(&a->control, ENVELOPE_TEXT_MAX);
	buf_init(&a->body, JOURNAL_PAYLOAD_MAX);
	struct alive *old = map_del(r->alive, seq_key(&rec->id));
	if (old)
		alive_free(old);
	if (buf_adds(&a->control, str_head(rec->payload, rec->aux)) &&
	    buf_adds(&a->body, str_skip(rec->payload, rec->aux)) &&
	    map_set(r->alive, seq_key(&rec->id), a))
		return true;
	alive_free(a);
	return no_memory(r);
}

static bool on_append(struct replay *r, const struct journal_record *rec)
{
	struct alive *a = map_get(r->alive, seq_key(&rec->id));
	if (!a) {
		if (store_write_at(
			r->s->msgs_dir, rec->id, rec->payload, rec->aux, STORE_TIME_UNKNOWN) &&
		    errno != ENOENT) {
			r->error = errno;
			return false;
		}
		return true;
	}
	if (rec->aux < a->control.n) /* put twice after a failed write */
		return true;
	if (rec->aux > a->control.n && rec->aux <= ENVELOPE_TEXT_MAX) {
		/* Failed with the message it went with, and blank since, or lost to rot. */
		size_t gap = rec->aux - a->control.n;
		char *p = buf_reserve(&a->control, gap);
		if (!p)
			return no_memory(r);
		memset(p, '\n', gap);
		a->control.n += gap;
	}
	return buf_adds(&a->control, rec->payload) || no_memory(r);
}

/* The files are the truth, but what was appended while they were written may be only here. */
static bool on_moved(struct replay *r, const struct journal_record *rec)
{
	struct alive *a = map_del(r->alive, seq_key(&rec->id));
	if (!a)
		return true;
	bool ok = store_write_at(
		      r->s->msgs_dir, a->seq, buf_str(&a->control), 0, STORE_TIME_UNKNOWN) == 0 ||
		  errno == ENOENT;
	if (!ok)
		r->error = errno;
	alive_free(a);
	return ok;
}

static bool on_record(void *ctx, const struct journal_record *rec)
{
	struct replay *r = ctx;
	struct alive *a;
	if (rec->id > r->top)
		r->top = rec->id;
	switch (rec->type) {
	case JOURNAL_MESSAGE:
	case JOURNAL_REFERENCE:
		return on_message(r, rec);
	case JOURNAL_APPEND:
		return on_append(r, rec);
	case JOURNAL_MOVED:
		return on_moved(r, rec);
	default:
		if ((a = map_del(r->alive, seq_key(&rec->id))))
			alive_free(a);
		store_unlink(r->s->msgs_dir, rec->id);
		return true;
	}
}

static int replay_segment(struct replay *r, const char *name)
{
	struct buf b;
	struct journal_damage damage;
	buf_init(&b, SIZE_MAX / 2);
	if (file_read(r->s->journal_dir, name, &b)) {
		report_line(r->report, "cannot read 'journal/%s': %s", name, strerror(errno));
		r->error = errno;
		buf_free(&b);
		return -1;
	}
	/* A segment without records has its header from a life before, when we were killed early.
	 */
	if (journal_scan(buf_str(&b), r->segment, &damage, on_record, r) &&
	    !journal_segment_check(buf_str(&b), r->segment))
		report_line(r->report, "the header of 'journal/%s' is damaged", name);
	if (damage.gaps)
		report_line(r->report, "journal %s: %zu damaged bytes in %u places were skipped",
		    name, damage.bytes, damage.gaps);
	if (damage.dropped)
		report_line(r->report,
		    "journal %s: %zu records of an unfinished write were dropped", name,
		    damage.dropped);
	buf_free(&b);
	return r->error ? -1 : 0;
}

static int write_alive(struct replay *r)
{
	struct str key;
	void *v;
	for (size_t at = 0; map_next(r->alive, &at, &key, &v);) {
		struct alive *a = v;
		char name[STORE_NAME_SIZE];
		struct stat st;
		store_name(name, 'D', a->seq);
		if (a->datafile && fstatat(r->s->msgs_dir, name, &st, AT_SYMLINK_NOFOLLOW)) {
			report_line(r->report,
			    "the data file of message %llu is missing; the message is lost",
			    (unsigned long long)a->seq);
			continue;
		}
		if (!a->datafile &&
		    store_write(r->s->msgs_dir, 'D', a->seq, buf_str(&a->body), 0, false))
			return -1;
		if (store_write(r->s->msgs_dir, 'C', a->seq, buf_str(&a->control),
			STORE_TIME_UNKNOWN, false))
			return -1;
	}
	return 0;
}

/* Sorted names of segments; spares apart. */
struct names {
	VEC(uint32_t) numbers;
	char spares[JOURNAL_SPARES][24];
	unsigned n_spares;
};

static bool segment_name(const char *name, uint32_t *number)
{
	uint64_t n;
	char again[16];
	if (strlen(name) != 8 || !str_hex64(str_of(name), &n))
		return false;
	*number = (uint32_t)n;
	journal_name(*number, again);
	return strcmp(again, name) == 0;
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return x < y ? -1 : x > y;
}

static int list(int journal_dir, struct names *n, struct queue_report *report)
{
	int fd = openat(journal_dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	uint32_t number;
	if (!d)
		return -1;
	for (struct dirent *e; (e = readdir(d));) {
		if (segment_name(e->d_name, &number)) {
			if (!vec_room(&n->numbers)) {
				closedir(d);
				return -1;
			}
			n->numbers.v[n->numbers.n++] = number;
		} else if (str_starts(str_of(e->d_name), STR("spare.")) &&
			   strlen(e->d_name) == 14) {
			if (n->n_spares < JOURNAL_SPARES)
				memcpy(n->spares[n->n_spares++], e->d_name, 15);
			else
				file_unlink(journal_dir, e->d_name);
		} else if (strcmp(e->d_name, ".new") == 0)
			file_unlink(journal_dir, e->d_name);
		else if (e->d_name[0] != '.')
			report_line(report,
			    "'journal/%s' does not belong to the queue and is ignored", e->d_name);
	}
	closedir(d);
	if (n->numbers.n)
		qsort(n->numbers.v, n->numbers.n, sizeof *n->numbers.v, by_number);
	return 0;
}

/* Oldest first, each durably, as while running. */
static int retire(int journal_dir, struct names *n)
{
	for (size_t i = 0; i < n->numbers.n; i++) {
		char name[16], spare[24];
		journal_name(n->numbers.v[i], name);
		snprintf(spare, sizeof spare, "spare.%s", name);
		bool keep = n->n_spares < JOURNAL_SPARES &&
			    file_rename(journal_dir, name, journal_dir, spare) == 0;
		if (keep)
			memcpy(n->spares[n->n_spares++], spare, sizeof spare);
		else if (file_unlink(journal_dir, name))
			return -1;
		if (file_sync_dir(journal_dir, "."))
			return -1;
	}
	return 0;
}

static int replay_all(struct replay *r, struct names *n)
{
	for (size_t i = 0; i < n->numbers.n; i++) {
		char name[16];
		r->segment = n->numbers.v[i];
		journal_name(r->segment, name);
		if (replay_segment(r, name))
			return -1;
	}
	if (!n->numbers.n)
		return 0;
	if (write_alive(r) || store_sync_all(r->s->msgs_dir))
		return -1;
	return retire(r->s->journal_dir, n);
}

int store_replay(struct store *s, struct queue_report *report, uint32_t *next_segment,
    uint64_t *top_seq, void (*spare)(void *ctx, const char *name), void *ctx)
{
	struct names n = {0};
	struct replay r = {.s = s, .report = report, .alive = map_new()};
	int ok = r.alive && list(s->journal_dir, &n, report) == 0 ? replay_all(&r, &n) : -1;
	if (ok && r.error)
		errno = r.error;
	*next_segment = n.numbers.n ? n.numbers.v[n.numbers.n - 1] + 1 : 1;
	for (unsigned i = 0; i < n.n_spares; i++) {
		uint64_t number;
		if (str_hex64(str_of(n.spares[i] + 6), &number) && number >= *next_segment)
			*next_segment = (uint32_t)number + 1;
		if (!ok)
			spare(ctx, n.spares[i]);
	}
	*top_seq = r.top;
	map_free(r.alive, alive_free);
	vec_free(&n.numbers);
	return ok;
}
