/* A list of ports: whatever is accepted has ports that exist. */
#include "config.h"

#include "fuzz/fuzz.h"
#include "tcpd/tcpd.h"

static uint16_t service(const char *name)
{
	return strlen(name) == 4 ? 25 : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tcpd_port out[TCPD_PORTS];
	struct str bad;
	int n = tcpd_ports_parse(str_at(data, size), NULL, service, out, &bad);
	FUZZ_CHECK(n <= TCPD_PORTS && n != 0);
	for (int i = 0; i < n; i++)
		FUZZ_CHECK(out[i].port > 0);
	FUZZ_CHECK(n > 0 || bad.n <= size);
	return 0;
}
