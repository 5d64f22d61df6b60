/* The envelope's lines of submit: whatever they hold, what is read is inside them or bounded. */
#include "config.h"

#include "submit/submit.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > SUBMIT_LINE_MAX)
		return 0;
	struct arena *a = arena_new(1 << 20);
	struct str line = str_at(data, size);
	struct submit_sender s;
	struct gate_rcpt r;
	if (!submit_sender_line(a, line, &s)) {
		FUZZ_CHECK(fuzz_inside(s.address, line) && str_chr(s.address, '\t') < 0);
		FUZZ_CHECK(s.envid.n <= size && (s.ret == 0 || s.ret == 'F' || s.ret == 'H'));
		FUZZ_CHECK(s.security.n == 0 || str_is(s.security, "STARTTLS"));
	}
	if (!submit_rcpt_line(line, &r)) {
		FUZZ_CHECK(
		    r.address.n && fuzz_inside(r.address, line) && fuzz_inside(r.orcpt, line));
		FUZZ_CHECK(r.notify <= GATE_NOTIFY_NEVER);
	}
	arena_free(a);
	return 0;
}
