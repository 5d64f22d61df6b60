/* A whole session: any bytes, in pieces, to the protocol machine with a gate of its own. The first
 * byte chooses the pieces and the circumstances. Every session must come to its end. */
#include "config.h"

#include <stdlib.h>
#include "unit/esmtpd-fake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fake *f;
	struct buf out;

	if (size < 1 || size > 20000)
		return 0;
	log_threshold(LOG_LEVEL_FATAL);
	f = fake_new();
	f->congest = data[0] & 1;
	f->size_limit = data[0] & 2 ? 100 : 0;
	f->max_rcpts = data[0] & 4 ? 2 : 0;
	fake_settings(f)->auth_required = data[0] & 8;
	fake_settings(f)->max_idle = 20;
	buf_init(&out, 10000000);
	fake_talk(f, str_at(data + 1, size - 1), data[0] >> 4, &out);
	if (f->timed_out || f->server->n_sessions)
		abort();
	buf_free(&out);
	fake_free(f);
	return 0;
}
