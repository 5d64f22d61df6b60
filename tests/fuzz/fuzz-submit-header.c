/* The header of a message on its way in. */
#include "config.h"

#include "rfc822/rfc822.h"
#include "submit/header.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1 || size > 50000)
		return 0;
	struct str all = str_at(data + 1, size - 1),
		   block = str_head(all, header_length(all, NULL));
	struct header_job j = {
	    .me = STR("me.example"),
	    .defaultdomain = STR("example.com"),
	    .msgidhost = STR("ids"),
	    .id = STR("1.2.3"),
	    .helo = str_head(all, 300),
	    .remote_ip = data[0] & 1 ? STR("192.0.2.1") : STR_NONE,
	    .remote_host = str_head(all, 100),
	    .tls = str_head(all, 50),
	    .only_rcpt = str_head(all, 60),
	    .local = data[0] & 2,
	    .add_date = true,
	    .add_msgid = true,
	    .add_mime = data[0] & 4,
	    .received_max = 100,
	};
	struct arena *a = arena_new(16 * 1024 * 1024);
	struct header_field f;
	struct buf out;
	buf_init(&out, 4 * size + 65536);
	enum header_verdict v = header_process(a, block, &j, &out);
	if (v == HEADER_OK) {
		/* Received is the first field, whatever the peer calls itself, and one header ends.
		 */
		struct str rest = buf_str(&out);
		size_t body;
		if (!header_next(&rest, &f) || !str_is(f.name, "Received"))
			abort();
		header_length(buf_str(&out), &body);
		if (body != out.n)
			abort();
	}
	buf_free(&out);
	arena_free(a);
	return 0;
}
