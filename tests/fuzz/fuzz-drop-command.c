/* The command of a "| maildrop" instruction: what is understood has no word that a shell would take
 * for more, and comes to no more words than stand there. */
#include "config.h"

#include "local/worker-drop.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char user[] = "USER=joe", odd[] = "ODD=$(id) *", none[] = "NONE=";
static char *const env[] = {user, odd, none, NULL};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(1 << 20);
	char *text = mem_strndup((const char *)data, size);
	struct drop_command c;
	if (a && drop_command_read(a, text, env, &c)) {
		size_t n = 0;
		while (c.args[n])
			n++;
		FUZZ_CHECK(n <= size);
		FUZZ_CHECK(!strpbrk(text, ";&|<>()`*?[]~'\\!#\n"));
		FUZZ_CHECK(c.warn_percent >= -1 && c.warn_percent <= 100);
		FUZZ_CHECK(c.verbose >= 0 && c.verbose <= 9);
		FUZZ_CHECK(!c.user || !c.file);
	}
	free(text);
	arena_free(a);
	return 0;
}
