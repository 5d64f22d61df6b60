/*
 * The server side of SASL against any client.  Input: a byte that chooses mechanism and knowledge,
 * then the client's messages, each ended by 0xff.
 */
#include "config.h"

#include "sasl/sasl.h"

#include <stdlib.h>

static const char *const names[] = {"PLAIN", "LOGIN", "CRAM-MD5", "CRAM-SHA256", "SCRAM-SHA-1",
    "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "EXTERNAL"};

/* few rounds: the arithmetic is not what is looked at */
#define RECORD                                                             \
	"1,QSXCR+Q6sek8bf92,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=," \
	"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sasl_server_env env = {.host = STR("h"), .binding = STR("b"), .external = STR("e")};
	struct sasl_secrets known = {
	    .clear = STR("x"), .scram_sha1 = STR("broken"), .scram_sha256 = STR(RECORD)};
	if (size == 0)
		return 0;
	struct str rest = str_at(data + 1, size - 1), message;
	struct sasl_server *x = sasl_server_new(str_of(names[data[0] % ARRAY_LEN(names)]), &env);
	struct buf out;
	buf_init(&out, 3 * SASL_STEP_MAX);
	sasl_server_set_nonce(x, STR("nonce"));
	enum sasl_status status = SASL_MORE;
	while (status == SASL_MORE && str_split(&rest, (char)0xff, &message)) {
		status = sasl_server_step(x, message.n ? message : STR_NONE, &out);
		if (status == SASL_SECRETS)
			status = sasl_server_secrets(x, data[0] & 0x80 ? NULL : &known, &out);
		else if (status == SASL_PASSWORD)
			status = sasl_server_verdict(
			    x, sasl_server_user(x).n == 0 || sasl_server_password(x).n == 0);
		if (status == SASL_OK && sasl_server_password(x).n)
			abort(); /* an empty name or password has come through */
	}
	sasl_server_free(x);
	buf_free(&out);
	return 0;
}
