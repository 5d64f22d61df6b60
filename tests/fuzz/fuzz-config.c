/* The grammar of NAME=value files on arbitrary bytes. */
#include "config.h"

#include "config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int on_set(void *ctx, struct str name, struct str value, unsigned line)
{
	*(size_t *)ctx += name.n + value.n;
	return 0;
}

static int on_get(void *ctx, struct str name, struct str *value)
{
	*value = name;
	return 0;
}

static int on_include(void *ctx, struct str file, unsigned line)
{
	return -1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t sum = 0;
	struct config_faults faults;
	config_faults_init(&faults);
	(void)config_parse(str_at(data, size), "fuzz", &faults, on_set, on_get, on_include, &sum);
	config_faults_free(&faults);
	int64_t v;
	(void)config_parse_time(str_at(data, size), &v);
	(void)config_parse_size(str_at(data, size), &v);
	return 0;
}
