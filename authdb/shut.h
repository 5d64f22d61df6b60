/*
 * The second wall around the library of a directory or database: its process can open what such a
 * library needs (the system's own files, certificates, the file of SQLite with its folder), and no
 * other file, even of its uid; so the passwords of other modules stay out of its reach.
 */
#ifndef COURIER_AUTHDB_SHUT_H
#define COURIER_AUTHDB_SHUT_H

#include "base/base.h"
#include "config/instance.h"

struct authdb_shut;
struct authdb_shut *authdb_shut_new(const struct instance *in);
void authdb_shut_free(struct authdb_shut *s);

/* Path NULL or empty is fine.  Of a folder that has the instance's own below it, all but those. */
void authdb_reads(struct authdb_shut *s, const char *path);
/* The file's folder too: what is beside a database belongs to it. */
void authdb_changes(struct authdb_shut *s, const char *file);

/* As sandbox_files. */
int authdb_shut_enter(struct authdb_shut *s);
/* A path in whose place another file has been put since, which can't be opened; NULL: none. */
const char *authdb_shut_stale(const struct authdb_shut *s);

#endif
