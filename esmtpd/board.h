/*
 * The board on which all workers of the server count their connections: in all, by address and by
 * network.  It is a small file of fixed size, mapped by each; a worker writes only its own part,
 * and reads all.  Addresses are counted by keyed hash in two rows of which the smaller count holds,
 * so a stranger's count is mistaken for one's own about never.
 */
#ifndef ESMTPD_BOARD_H
#define ESMTPD_BOARD_H

#include <sys/socket.h>
#include "base/base.h"

enum { BOARD_WORKERS = 32 };

struct board;
/* path: NULL for a board of this process alone (tests).  NULL with errno; EBUSY: as many
 * processes as there may be, with those that only finish their sessions after a reload, count
 * there already. */
struct board *board_new(const char *path);
void board_free(struct board *b);

struct board_place {
	uint64_t address, network; /* hashes */
};
struct board_count {
	uint32_t total, address, network;
};
/* Where an address is counted. */
struct board_place board_place(const struct board *b, const struct sockaddr_storage *ss);
/* Counts it, and then looks: the result has it in. */
struct board_count board_enter(struct board *b, struct board_place p);
void board_leave(struct board *b, struct board_place p);
/* Counts of all workers that live. */
struct board_count board_count(struct board *b, struct board_place p);

#endif
