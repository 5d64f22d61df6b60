/*
 * What a process gives up once it knows its work: the kernel (Landlock) then holds it to that, for
 * itself and its children, and there is no way back.  It needs no_new_privs.
 *
 * Each call: 0 done, 1 this kernel cannot (or no_new_privs is off), -1 errno.  They are a second
 * wall: callers go on in any case, and the first wall is the account's uid.
 */
#ifndef COURIER_BASE_SANDBOX_H
#define COURIER_BASE_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>

/* No file outside of these folders can be opened or changed any more (descriptors that are open
 * stay), and no program run. */
int sandbox_folders(const char *const *folders, size_t n);

struct sandbox_path {
	const char *path; /* a file, or a folder with all that is below it */
	bool change;      /* not only read */
};

/* No other file can be opened or changed, and no program run; the network, with sockets in the file
 * system, as before.  A file put in the place of one that is named is another file. */
int sandbox_files(const struct sandbox_path *paths, size_t n);

/* Files as before, but no program can be run, no device or socket file made, no TCP used. */
int sandbox_no_programs(void);

#endif
