#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "sts/cache.h"

enum {
	ENTRIES_MAX = 4 * STS_CACHE_LARGEST,
	TOKEN = 12,          /* letters at the end of a temporary name */
	LEFT_S = 86400,      /* its age when nobody writes it any more */
	NAME_MAX_HERE = 236, /* a temporary name is longer, and file systems take 255 */
};
static const char size_file[] = ".size";

void sts_cached_init(struct sts_cached *c)
{
	*c = (struct sts_cached){0};
	buf_init(&c->file, STS_ENTRY_MAX);
}

void sts_cached_free(struct sts_cached *c)
{
	buf_free(&c->file);
}

/* A domain as the name of its file. */
static bool file_name(struct str domain, char out[STS_DOMAIN_MAX + 1])
{
	if (domain.n > NAME_MAX_HERE || !sts_domain_ok(domain)) {
		errno = EINVAL;
		return false;
	}
	memcpy(out, domain.p, domain.n);
	out[domain.n] = 0;
	return true;
}

int sts_cache_read(int dir, struct str domain, struct sts_cached *c)
{
	char name[STS_DOMAIN_MAX + 1];
	struct stat st;
	buf_clear(&c->file);
	if (!file_name(domain, name))
		return 0;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -1;
	if (file_read(dir, name, &c->file) < 0)
		return errno == ENOENT || errno == EFBIG ? 0 : -1;
	c->used = st.st_mtime;
	if (sts_entry_parse(buf_str(&c->file), &c->entry))
		return 1;
	log_warning(
	    NULL, "the cached MTA-STS policy '%s' can't be read; it is fetched again", name);
	return 0;
}

int sts_cache_write(int dir, struct str domain, const struct sts_entry *e)
{
	char name[STS_DOMAIN_MAX + 1];
	struct buf out;
	if (!file_name(domain, name))
		return -1;
	buf_init(&out, STS_ENTRY_MAX);
	int r = -1;
	if (sts_entry_print(e, &out))
		r = file_replace(dir, name, out.p, out.n, STS_MODE);
	else
		errno = ENOMEM;
	buf_free(&out);
	return r;
}

int sts_cache_remove(int dir, struct str domain)
{
	char name[STS_DOMAIN_MAX + 1];
	return file_name(domain, name) ? file_unlink(dir, name) : -1;
}

void sts_cache_touch(int dir, struct str domain)
{
	char name[STS_DOMAIN_MAX + 1];
	if (file_name(domain, name))
		(void)utimensat(dir, name, NULL, AT_SYMLINK_NOFOLLOW);
}

int64_t sts_cache_size(int dir)
{
	struct buf b;
	uint64_t n = STS_CACHE_DEFAULT;
	buf_init(&b, 32);
	if (file_read(dir, size_file, &b) == 0 &&
	    (!str_u64(str_trim(buf_str(&b)), &n) || n > STS_CACHE_LARGEST))
		n = STS_CACHE_DEFAULT;
	buf_free(&b);
	return (int64_t)n;
}

int sts_cache_set_size(int dir, int64_t n)
{
	char text[32];
	int len = snprintf(text, sizeof text, "%lld\n", (long long)n);
	return file_replace(dir, size_file, text, (size_t)len, STS_MODE);
}

static DIR *open_again(int dir)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (!d && fd >= 0)
		close(fd);
	return d;
}

/* file_replace names them ".NAME.TOKEN". */
static bool is_temporary(struct str name)
{
	ptrdiff_t dot = str_rchr(name, '.');
	return dot > 0 && name.p[0] == '.' && str_skip(name, (size_t)dot + 1).n == TOKEN;
}

void sts_cache_sweep(int dir)
{
	DIR *d = open_again(dir);
	struct dirent *e;
	struct stat st;
	while (d && (e = readdir(d)))
		if (is_temporary(str_of(e->d_name)) &&
		    fstatat(dir, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    clock_now() - st.st_mtime > LEFT_S)
			(void)unlinkat(dir, e->d_name, 0);
	if (d)
		closedir(d);
}

int sts_cache_each(int dir, void (*fn)(void *ctx, struct str domain, int64_t used), void *ctx)
{
	DIR *d = open_again(dir);
	struct dirent *e;
	struct stat st;
	if (!d)
		return -1;
	while ((e = readdir(d))) {
		struct str name = str_of(e->d_name);
		if (sts_domain_ok(name) && fstatat(dir, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0)
			fn(ctx, name, st.st_mtime);
	}
	closedir(d);
	return 0;
}

/* ---- the oldest go --------------------------------------------------------------------------- */

struct aged {
	int64_t used;
	char *name;
};
struct ages {
	VEC(struct aged) v;
};

static void collect(void *ctx, struct str domain, int64_t used)
{
	struct ages *a = ctx;
	struct aged one = {used, NULL};
	if (a->v.n >= ENTRIES_MAX)
		return;
	one.name = mem_strndup(domain.p, domain.n);
	vec_push(&a->v, one);
}

static int by_age(const void *a, const void *b)
{
	const struct aged *x = a, *y = b;
	return x->used < y->used ? -1 : x->used > y->used;
}

int64_t sts_cache_expire(int dir, int64_t size, bool now)
{
	struct ages a = {0};
	int64_t gone = 0;
	int r = sts_cache_each(dir, collect, &a);
	int64_t n = (int64_t)a.v.n, limit = now ? size : 2 * size;
	if (r == 0 && n > limit) {
		qsort(a.v.v, a.v.n, sizeof *a.v.v, by_age);
		for (int64_t i = 0; i < n - size; i++)
			gone += file_unlink(dir, a.v.v[i].name) == 0;
	}
	for (size_t i = 0; i < a.v.n; i++)
		free(a.v.v[i].name);
	vec_free(&a.v);
	return r < 0 ? -1 : gone;
}
