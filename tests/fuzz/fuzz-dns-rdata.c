/* Record data, and the resolver file: the first byte says which. */
#include "dns/dns-private.h"
#include "dns/rdata.h"

static void ignore(void *ctx UNUSED, const char *server UNUSED) {}

static void txt(struct str rdata)
{
	struct buf out;
	buf_init(&out, 65536);
	dns_rdata_txt(rdata, &out);
	buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char name[DNS_NAME_SIZE];
	struct sockaddr_storage ss;
	uint16_t pref;
	if (!n)
		return 0;
	struct str rdata = str_at(data + 1, n - 1);
	switch (data[0] % 7) {
	case 0:
		if (!dns_rdata_name(rdata, name) && strlen(name) >= sizeof name)
			__builtin_trap();
		break;
	case 1:
		dns_rdata_mx(rdata, &pref, name);
		break;
	case 2:
		dns_rdata_a(rdata, &ss);
		break;
	case 3:
		dns_rdata_aaaa(rdata, &ss);
		break;
	case 4:
		txt(rdata);
		break;
	case 5:
		dns_name_ascii(rdata, name);
		dns_literal(rdata, &ss);
		break;
	default:
		dns_resolver_parse(rdata, ignore, NULL);
	}
	return 0;
}
