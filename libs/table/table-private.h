/* What reading and building of tables share. */
#ifndef COURIER_TABLE_PRIVATE_H
#define COURIER_TABLE_PRIVATE_H

#include <db.h>
#include "table/table.h"

/* A handle that reports its troubles to our log; NULL with errno. */
DB *table_db_new(const char *path);
/* Berkeley DB's own codes (negative) as errno: 0 stays 0; anything else gives -1. */
int table_db_error(int code);

static inline DBT table_dbt(struct str s)
{
	DBT d = {0};
	d.data = (void *)(uintptr_t)(s.p ? s.p : "");
	d.size = (u_int32_t)s.n;
	return d;
}

#endif
