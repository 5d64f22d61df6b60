/* Header blocks: the fields are the block; ids and subjects. */
#include "config.h"

#include "rfc822/rfc822.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(16 << 20);
	struct str in = str_at(data, size), id;
	size_t body, n = header_length(in, &body), at = 0;
	struct header_field f;
	FUZZ_CHECK(n <= body && body <= size);
	for (struct str rest = in; header_next(&rest, &f);) {
		FUZZ_CHECK(f.raw.p == in.p + at && f.raw.n > 0);
		FUZZ_CHECK(fuzz_inside(f.body, f.raw) && fuzz_inside(f.name, f.raw));
		at += f.raw.n;
		struct str line = header_unfold(a, f.body);
		FUZZ_CHECK(!line.p || str_chr(line, '\n') < 0);
		for (struct str ids = f.body; msgid_next(a, &ids, &id);)
			FUZZ_CHECK(id.n > 0 && id.n <= 2 * MSGID_MAX);
		if (line.p) {
			struct str base = subject_base(a, line, NULL), again;
			FUZZ_CHECK(base.n <= line.n);
			again = subject_base(a, base, NULL);
			FUZZ_CHECK(again.n <= base.n);
		}
	}
	FUZZ_CHECK(at == n);
	arena_free(a);
	return 0;
}
