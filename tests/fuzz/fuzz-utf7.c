/* Modified UTF-7 and UTF-8 are two spellings of the same names; domains in every form. */
#include "config.h"

#include "unicode/unicode.h"
#include "tests/fuzz/fuzz.h"

static void names(struct str in, struct buf *one, struct buf *two)
{
	if (utf7_imap_decode(in, one)) {
		FUZZ_CHECK(utf8_valid(buf_str(one)));
		FUZZ_CHECK(utf7_imap_encode(buf_str(one), two) && str_eq(in, buf_str(two)));
	}
	buf_clear(one);
	buf_clear(two);
	if (utf7_imap_encode(in, one))
		FUZZ_CHECK(utf7_imap_decode(buf_str(one), two) && str_eq(in, buf_str(two)));
}

static void domains(struct arena *a, struct str in)
{
	struct str ascii = domain_ascii(a, in), canon = domain_canonical(a, in);
	FUZZ_CHECK(!ascii.p || !str_has_8bit(ascii));
	FUZZ_CHECK(canon.p && str_eq(domain_canonical(a, canon), canon));
	struct str nfc = unicode_nfc(a, in);
	FUZZ_CHECK(!nfc.p || utf8_valid(nfc));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(16 << 20);
	struct buf one, two;
	buf_init(&one, size * 6 + 10);
	buf_init(&two, size * 6 + 10);
	names(str_at(data, size), &one, &two);
	domains(a, str_at(data, size));
	buf_free(&one);
	buf_free(&two);
	arena_free(a);
	return 0;
}
