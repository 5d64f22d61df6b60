/* Dates: what was understood, written by the clock, is the same moment. */
#include "config.h"

#include "rfc822/rfc822.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct maildate d, again;
	char text[CLOCK_RFC5322_SIZE];
	if (!maildate_parse(str_at(data, size), &d))
		return 0;
	FUZZ_CHECK(d.zone > -100 * 60 && d.zone < 100 * 60);
	if (d.epoch < -62000000000 || d.epoch > 253000000000)
		return 0;
	FUZZ_CHECK(maildate_parse(str_of(clock_rfc5322(d.epoch, text)), &again));
	FUZZ_CHECK(again.epoch == d.epoch);
	return 0;
}
