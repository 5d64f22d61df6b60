/* The text of smtpaccess, and look-ups in what became of it. */
#include "config.h"

#include "access/access.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct access *a = access_new(str_at(data, size), NULL);
	struct access_addr addr;
	struct str action;
	struct buf env;
	bool deny;
	if (!a)
		return 0;
	memset(&addr, 0, sizeof(addr));
	memcpy(addr.b, data, size < sizeof(addr.b) ? size : sizeof(addr.b));
	/* Every action that is kept has been understood. */
	if (access_lookup(&addr, access_get, a, &action) > 0) {
		buf_init(&env, ACCESS_ACTION_MAX);
		if (!access_action_parse(action, &env, &deny))
			abort();
		buf_free(&env);
	}
	access_free(a);
	return 0;
}
