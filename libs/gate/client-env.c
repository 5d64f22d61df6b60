#include "gate/client-env.h"
#include <stdlib.h>

bool client_env(struct buf *out)
{
	static const char *const names[] = {"BLOCK", "BOFHCHECKDNS", "BOFHCHECKHELO",
	    "BOFHHEADERLIMIT", "BOFHNOBASE64TEXT", "BOFHSPFFROM", "BOFHSPFHARDERROR", "BOFHSPFHELO",
	    "BOFHSPFMAILFROM", "BOFHSPFNOVERBOSE", "BOFHSPFTRUSTME", "BOFHSUPPRESSBACKSCATTER",
	    "FAXRELAYCLIENT", "MIME", "NOADDDATE", "NOADDMSGID", "NOADDRREWRITE", "RELAYCLIENT",
	    "SIZELIMIT"};
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const char *z = getenv(names[i]);
		struct str value = str_of(z);
		if (z && value.n <= CLIENT_ENV_VALUE_MAX && !str_has_ctl(value))
			buf_addf(out, "%s=%s\n", names[i], z);
	}
	return !out->failed;
}
