#include "config.h"
#include "esmtpd/board.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

enum { SLOTS = 8192, ROWS = 2, BOARD_MAGIC = 0x42524431, SEEN_MS = 1000 };

struct part { /* of one worker: it alone writes here */
	_Atomic int32_t pid;
	_Atomic uint32_t total;
	_Atomic uint16_t address[ROWS][SLOTS], network[ROWS][SLOTS];
};

struct sheet_head {
	uint32_t magic, size;
	uint64_t key[2];
};

struct sheet {
	struct sheet_head head;
	struct part parts[BOARD_WORKERS];
};

struct seen {
	int32_t pid;
	bool lives;
	int64_t until;
};

struct board {
	struct sheet *sheet;
	struct part *mine;
	struct seen seen[BOARD_WORKERS];
};

/* A sheet that is new, or of another build, is made anew; the lock keeps workers apart that start
 * together. */
static int open_sheet(const char *path)
{
	struct sheet_head
	    head; /* a whole sheet on the stack would be two megabytes of memory for good */
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return -1;
	if (flock(fd, LOCK_EX) < 0 || file_pread_all(fd, &head, sizeof head, 0) < 0 ||
	    head.magic != BOARD_MAGIC || head.size != sizeof(struct sheet)) {
		memset(&head, 0, sizeof head);
		head.magic = BOARD_MAGIC;
		head.size = sizeof(struct sheet);
		random_bytes(head.key, sizeof head.key);
		if (ftruncate(fd, 0) < 0 || ftruncate(fd, sizeof(struct sheet)) < 0 ||
		    pwrite(fd, &head, sizeof head, 0) < 0) {
			file_close(fd);
			return -1;
		}
	}
	flock(fd, LOCK_UN);
	return fd;
}

static void clear_part(struct part *p, int32_t pid)
{
	atomic_store(&p->total, 0);
	for (size_t r = 0; r < ROWS; r++)
		for (size_t i = 0; i < SLOTS; i++) {
			atomic_store_explicit(&p->address[r][i], 0, memory_order_relaxed);
			atomic_store_explicit(&p->network[r][i], 0, memory_order_relaxed);
		}
	atomic_store(&p->pid, pid);
}

/* A part that nobody living writes to.  Not by the worker's number: at a reload the one before
 * keeps its sessions, and counts them off, while its successor serves. */
static struct part *claim(struct sheet *s)
{
	int32_t self = (int32_t)getpid();

	for (size_t i = 0; i < BOARD_WORKERS; i++) {
		int32_t pid = atomic_load(&s->parts[i].pid);
		bool free_part = pid == 0 || (kill(pid, 0) < 0 && errno == ESRCH);

		if (free_part && atomic_compare_exchange_strong(&s->parts[i].pid, &pid, self))
			return &s->parts[i];
	}
	errno = EBUSY;
	return NULL;
}

struct board *board_new(const char *path)
{
	struct board *b = mem_new(struct board);
	int fd = path ? open_sheet(path) : -1;
	int flags = path ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS;

	if (path && fd < 0) {
		free(b);
		return NULL;
	}
	b->sheet = mmap(NULL, sizeof *b->sheet, PROT_READ | PROT_WRITE, flags, fd, 0);
	if (fd >= 0)
		close(fd);
	if (b->sheet == MAP_FAILED) {
		free(b);
		return NULL;
	}
	if (!path)
		random_bytes(b->sheet->head.key, sizeof b->sheet->head.key);
	b->mine = claim(b->sheet);
	if (!b->mine) {
		munmap(b->sheet, sizeof *b->sheet);
		free(b);
		return NULL;
	}
	clear_part(b->mine, (int32_t)getpid());
	return b;
}

void board_free(struct board *b)
{
	if (!b)
		return;
	clear_part(b->mine, 0);
	munmap(b->sheet, sizeof *b->sheet);
	free(b);
}

static uint64_t mix(uint64_t h, uint64_t v)
{
	h ^= v;
	h *= 0x9e3779b97f4a7c15U;
	h ^= h >> 32;
	h *= 0xd6e8feb86659fd93U;
	return h ^ h >> 32;
}

static uint64_t hash(const struct board *b, const unsigned char *p, size_t n)
{
	uint64_t h = b->sheet->head.key[0] ^ n;

	for (size_t i = 0; i < n; i++)
		h = mix(h, p[i] + b->sheet->head.key[1]);
	return h;
}

struct board_place board_place(const struct board *b, const struct sockaddr_storage *ss)
{
	const unsigned char *raw;

	if (ss->ss_family == AF_INET)
		raw = (const unsigned char *)&((const struct sockaddr_in *)ss)->sin_addr;
	else if (ss->ss_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)ss;

		raw = in6->sin6_addr.s6_addr;
		if (!IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr))
			return (struct board_place){hash(b, raw, 16), hash(b, raw, 8)};
		raw += 12;
	} else
		return (struct board_place){0, 0};
	return (struct board_place){hash(b, raw, 4), hash(b, raw, 3)};
}

static size_t slot(uint64_t h, size_t row)
{
	return (row ? h >> 32 : h) % SLOTS;
}

static void add(struct board *b, struct board_place p, int by)
{
	struct part *m = b->mine;

	atomic_fetch_add(&m->total, (uint32_t)by);
	for (size_t r = 0; r < ROWS; r++) {
		atomic_fetch_add(&m->address[r][slot(p.address, r)], (uint16_t)by);
		atomic_fetch_add(&m->network[r][slot(p.network, r)], (uint16_t)by);
	}
}

void board_leave(struct board *b, struct board_place p)
{
	add(b, p, -1);
}

/* The counts of a worker that was killed are nobody's.  Whether it lives is looked at once in a
 * while, not at each connection. */
static bool alive(struct board *b, size_t w, int64_t now)
{
	struct part *p = &b->sheet->parts[w];
	struct seen *seen = &b->seen[w];
	int32_t pid = atomic_load(&p->pid);

	if (pid == 0 || p == b->mine)
		return pid != 0;
	if (seen->pid != pid || now >= seen->until)
		*seen = (struct seen){pid, kill(pid, 0) == 0 || errno != ESRCH, now + SEEN_MS};
	return seen->lives;
}

struct board_count board_count(struct board *b, struct board_place p)
{
	uint32_t address[ROWS] = {0}, network[ROWS] = {0}, total = 0;
	int64_t now = clock_mono_ms();

	for (size_t w = 0; w < BOARD_WORKERS; w++) {
		struct part *part = &b->sheet->parts[w];

		if (!alive(b, w, now))
			continue;
		total += atomic_load(&part->total);
		for (size_t r = 0; r < ROWS; r++) {
			address[r] += atomic_load(&part->address[r][slot(p.address, r)]);
			network[r] += atomic_load(&part->network[r][slot(p.network, r)]);
		}
	}
	return (struct board_count){total, address[0] < address[1] ? address[0] : address[1],
	    network[0] < network[1] ? network[0] : network[1]};
}

struct board_count board_enter(struct board *b, struct board_place p)
{
	add(b, p, 1);
	return board_count(b, p);
}
