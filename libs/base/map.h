/*
 * Hash map from byte strings to pointers.  Keys are copied; the hash is keyed per process, so an
 * outsider can't choose colliding keys.  Values belong to the caller.  map_set returns false only
 * without memory.  Iteration order is unspecified; the map must not change inside it.
 */
#ifndef COURIER_BASE_MAP_H
#define COURIER_BASE_MAP_H

#include "base/str.h"

struct map;

struct map *map_new(void);
void map_free(struct map *m, void (*free_value)(void *)); /* NULL: values stay */
size_t map_count(const struct map *m);
void *map_get(const struct map *m, struct str key);       /* NULL when absent */
bool map_set(struct map *m, struct str key, void *value); /* value: not NULL; replaces */
void *map_del(struct map *m, struct str key);             /* the value that was there, or NULL */
/* *at starts at 0; false at the end. */
bool map_next(const struct map *m, size_t *at, struct str *key, void **value);

#endif
