/* dupfilter: refuses the copies of a message that has been seen too often lately. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include "filters/dupfilter-hash.h"
#include "filters/filter-server.h"
#include "filters/filter-settings.h"
#include "queue/disk-thread.h"

enum {
	PIECE = 256 * 1024,
	MESSAGE_MAX = 64 * 1024 * 1024, /* of a larger message, what is looked at */
};

struct dupfilter {
	struct dup_ring *ring;
	size_t level, n_threads;
	struct disk_thread **threads;
	unsigned char key[DUP_KEY];
};

struct job {
	struct disk_job job; /* first */
	struct filter_request *request;
	const struct dupfilter *filter;
	unsigned char hash[DUP_HASH];
	uint64_t letters;
	int error;
};

/* In a thread. */
static int read_message(struct job *j, int fd, struct dup_hasher *h, char *piece)
{
	struct dup_letters letters = {0};
	for (size_t total = 0; total < MESSAGE_MAX;) {
		ssize_t got = read(fd, piece, PIECE);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got ? errno : 0;
		size_t n = dup_letters(&letters, str_at(piece, (size_t)got), piece);
		if (!dup_hasher_add(h, str_at(piece, n)))
			return ENOMEM;
		j->letters += n;
		total += (size_t)got;
	}
	return 0;
}

static void run(struct disk_job *job)
{
	struct job *j = (struct job *)job;
	struct dup_hasher *h = dup_hasher_new(j->filter->key);
	char *piece = malloc(PIECE);
	int fd = file_open_read(AT_FDCWD, j->request->paths.data);
	if (fd < 0)
		j->error = errno;
	else if (!h || !piece)
		j->error = ENOMEM;
	else
		j->error = read_message(j, fd, h, piece);
	if (!j->error && !dup_hasher_end(h, j->hash))
		j->error = ENOMEM;
	if (fd >= 0)
		close(fd);
	free(piece);
	dup_hasher_free(h);
}

static void refuse(struct filter_request *r)
{
	struct filter_facts facts;
	if (filter_facts_read(r->arena, &r->paths, &facts) == 0) {
		const struct log_ctx ctx = {"id", facts.id};
		log_info(&ctx, "refused,from=<%.*s>: a copy too many", STR_FMT(facts.sender));
	}
	filter_answer(r, 550, "5.7.1", STR("Duplicate message rejected."));
}

/* In the loop again. */
static void done(struct disk_job *job)
{
	struct job *j = (struct job *)job;
	struct filter_request *r = j->request;
	struct dupfilter *f = filter_data(r->server);
	if (j->error) {
		errno = j->error;
		log_error(NULL, "cannot read the message '%s': %m", r->paths.data);
		filter_answer_later(r);
	} else if (j->letters && dup_ring_add(f->ring, j->hash) >= f->level) {
		refuse(r);
	} else {
		filter_answer(r, 200, "", STR("Ok."));
	}
	free(j);
}

static void request(struct filter_request *r)
{
	struct dupfilter *f = filter_data(r->server);
	struct disk_thread *idlest = f->threads[0];
	for (size_t i = 1; i < f->n_threads; i++)
		if (disk_thread_busy(f->threads[i]) < disk_thread_busy(idlest))
			idlest = f->threads[i];
	struct job *j = mem_new(struct job);
	j->job.run = run;
	j->job.done = done;
	j->request = r;
	j->filter = f;
	disk_thread_post(idlest, &j->job);
}

static int start(struct filter_server *s)
{
	struct config *c = filter_config(s);
	struct dupfilter *f = mem_new(struct dupfilter);
	filter_set_data(s, f);
	f->ring = dup_ring_new((size_t)config_int(c, "dupfilter", "dupfilter-hashsize", NULL));
	f->level = (size_t)config_int(c, "dupfilter", "dupfilter-duplevel", NULL);
	size_t n = (size_t)config_int(c, "dupfilter", "dupfilter-nthreads", NULL);
	f->threads = mem_zero(n * sizeof(struct disk_thread *));
	random_bytes(f->key, sizeof f->key);
	for (; f->n_threads < n; f->n_threads++)
		if (!(f->threads[f->n_threads] = disk_thread_new(filter_loop(s)))) {
			log_error(NULL, "cannot start a thread: %m");
			return -1;
		}
	return 0;
}

static void stop(struct filter_server *s)
{
	struct dupfilter *f = filter_data(s);
	for (size_t i = 0; i < f->n_threads; i++)
		disk_thread_free(f->threads[i]);
	free(f->threads);
	dup_ring_free(f->ring);
	free(f);
}

int main(int argc, char **argv)
{
	static const struct config_component *const components[] = {&dupfilter_component};
	static const struct filter_desc desc = {
	    .name = "dupfilter",
	    .components = components,
	    .n_components = ARRAY_LEN(components),
	    .start = start,
	    .request = request,
	    .stop = stop,
	};
	return filter_main(&desc, argc, argv);
}
