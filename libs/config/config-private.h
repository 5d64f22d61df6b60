#ifndef COURIER_CONFIG_PRIVATE_H
#define COURIER_CONFIG_PRIVATE_H

#include "config/config.h"

enum {
	CONFIG_FILE_MAX = 4 * 1024 * 1024, /* bytes of one configuration file */
	CONFIG_INCLUDE_DEPTH = 8,
	CONFIG_SNAPSHOT_MAX = 256 * 1024 * 1024,
};

struct config_value {
	struct str text;
	int64_t number; /* of numeric types, parsed once at the load */
	bool is_set;
	const struct config_setting *setting; /* NULL: foreign */
};

struct config {
	unsigned refs;
	struct arena *arena;
	struct map *values; /* "component\0NAME[\0vhost]" -> struct config_value in the arena */
	const char *folder; /* where relative names begin */
	struct map *order;  /* "component" -> struct config_order: assignments as they came */
};

struct config_order {
	VEC(struct str) names; /* keys of values */
};

/* Key of a value, in buf. */
struct str config_key(struct buf *b, struct str component, struct str name, const char *vhost);
/* Parses text by the setting's type and range; false with a reason in `why`. */
bool config_value_check(
    const struct config_setting *s, struct str text, int64_t *number, struct buf *why);

#endif
