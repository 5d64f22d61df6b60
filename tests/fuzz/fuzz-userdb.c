/* userdb text of unknown origin: what is taken can be written again and means the same. */
#include "config.h"

#include "authdaemon/userdb.h"

#include <stdlib.h>

static void check_record(struct str record)
{
	struct str field, value, found;
	while (userdb_next(&record, &field, &value)) {
		if (value.n && !userdb_value_ok(value))
			abort();
		userdb_field(record, "uid", &found);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_at(data, size), line, name, record;
	struct buf key;
	buf_init(&key, USERDB_NAME_MAX);
	while (str_split(&text, '\n', &line)) {
		if (userdb_line(line, &name, &record) != 1)
			continue;
		buf_clear(&key);
		if (!userdb_name_ok(name) || !userdb_key(name, &key) || key.n != name.n)
			abort();
		check_record(record);
	}
	buf_free(&key);
	return 0;
}
