/*
 * What another IMAP or POP3 server answers when we log in there: whatever it says, the talk ends
 * after a number of lines, the password is said at the one place only, and never before TLS where
 * TLS is required.
 */
#include "config.h"

#include "fuzz.h"

#include "login/back-talk.h"

#include <string.h>

#define SECRET "s3cret-w0rd"

static void talk(struct str in, bool imap, bool foreign, enum back_tls tls, const char *user)
{
	struct back_talk t;
	struct str line;
	enum back_do what = BACK_WAIT;
	unsigned said = 0;
	back_talk_init(&t, imap, str_of(user), STR(SECRET));
	t.tls = tls;
	t.foreign = foreign;
	for (unsigned n = 0; what == BACK_WAIT && in.n && str_split(&in, '\n', &line); n++) {
		FUZZ_CHECK(n <= BACK_LINES_MAX);
		what = back_talk_line(&t, line);
		if (what == BACK_TLS)
			what = back_talk_secure(&t);
		if (t.say.n && memmem(t.say.p, t.say.n, SECRET, strlen(SECRET))) {
			FUZZ_CHECK(++said == 1);
			FUZZ_CHECK(t.secure || tls < BACK_TLS_REQUIRED);
		}
		buf_clear(&t.say);
	}
	FUZZ_CHECK(what != BACK_IN || said == 1);
	FUZZ_CHECK(what != BACK_FAULT || t.why);
	back_talk_free(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	char *exact = malloc(size);
	memcpy(exact, data + 1, size - 1);
	talk(str_at(exact, size - 1), data[0] & 1, data[0] & 2, (enum back_tls)(data[0] >> 2 & 3),
	    data[0] & 16 ? "j\xc3\xbcrg" : "joe");
	free(exact);
	return 0;
}
