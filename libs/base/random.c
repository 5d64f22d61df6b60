#include "config.h"

#include "base/base.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

void random_bytes(void *p, size_t n)
{
	char *at = p;
	while (n) {
		ssize_t got = getrandom(at, n, 0);
		if (got < 0) {
			if (errno == EINTR)
				continue;
			log_msg(LOG_LEVEL_FATAL, NULL, "the kernel gives no random bytes: %m");
			abort();
		}
		at += got;
		n -= (size_t)got;
	}
}

uint64_t random_u64(void)
{
	uint64_t v;
	random_bytes(&v, sizeof v);
	return v;
}

void random_token(char *out, size_t n)
{
	static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	unsigned char b[64];
	size_t i = 0;
	while (i < n) {
		/* one call for all, and some more for those that do not fit */
		size_t take = n - i + 4 < sizeof b ? n - i + 4 : sizeof b;
		random_bytes(b, take);
		for (size_t k = 0; k < take && i < n; k++)
			if (b[k] < 248) /* 4 * 62: no letter is likelier than another */
				out[i++] = set[b[k] % 62];
	}
	out[n] = 0;
}
