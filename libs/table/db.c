#include "config.h"

#include "table/table-private.h"

#include <errno.h>

/* Building a million records through the default 256 KiB would spill page by page. */
enum { CACHE_BYTES = 4 * 1024 * 1024 };

static void report(const DB_ENV *env UNUSED, const char *prefix, const char *text)
{
	log_warning(NULL, "table '%s': %s", prefix ? prefix : "?", text);
}

DB *table_db_new(const char *path)
{
	DB *db = NULL;
	int r = db_create(&db, NULL, 0);
	if (r != 0) {
		table_db_error(r);
		return NULL;
	}
	db->set_errcall(db, report);
	db->set_errpfx(db, path);
	r = db->set_cachesize(db, 0, CACHE_BYTES, 1);
	if (r == 0)
		return db;
	db->close(db, 0);
	table_db_error(r);
	return NULL;
}

int table_db_error(int code)
{
	if (code == 0)
		return 0;
	errno = code > 0 ? code : EIO; /* negative: checksum, run recovery, not a database */
	return -1;
}
