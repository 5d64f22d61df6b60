/* A whole session: any bytes, in pieces, to the protocol machine with a gate of its own. The first
 * two bytes choose the pieces and the circumstances. Every session must come to its end, also when
 * the client goes while something is awaited: the gate, authdaemond, its name, a delay, the rest of
 * a PROXY header. */
#include "config.h"

#include <stdlib.h>
#include "unit/esmtpd-fake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fake *f;
	struct buf out;

	if (size < 2 || size > 20000)
		return 0;
	log_threshold(LOG_LEVEL_FATAL);
	f = fake_new();
	f->congest = data[0] & 1;
	f->size_limit = data[0] & 2 ? 100 : 0;
	f->max_rcpts = data[0] & 4 ? 2 : 0;
	fake_settings(f)->auth_required = data[0] & 8;
	fake_settings(f)->max_idle = 20;
	fake_settings(f)->tarpit = data[1] & 1;
	fake_settings(f)->tarpit_max_ms = 1;
	f->no_ticket = data[1] & 2;
	f->balanced = data[1] & 4;
	f->hangs_up = data[1] & 8;
	f->name_turns = data[1] >> 4;
	buf_init(&out, 10000000);
	fake_talk(f, str_at(data + 2, size - 2), data[0] >> 4, &out);
	if (f->timed_out || (!f->hangs_up && (f->server->n_sessions || f->server->n_proxied)))
		abort();
	buf_free(&out);
	fake_free(f);
	return 0;
}
