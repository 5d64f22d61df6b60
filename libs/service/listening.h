/*
 * The listening sockets of a service that takes connections.  The supervisor has bound them and
 * holds them too: when it closes a port (courier stop SERVICE), accepting fails here and the port
 * is forgotten; when it opens it again, it sends the socket once more.
 */
#ifndef COURIER_SERVICE_LISTENING_H
#define COURIER_SERVICE_LISTENING_H

#include <sys/socket.h>
#include "service/service.h"

struct listening;

/* door: what the service calls the port by, as given to listening_add. */
struct listening_handlers {
	/* Takes the descriptor over, which does not block and is closed at exec. */
	void (*client)(void *door, int fd, const struct sockaddr_storage *peer);
	void (*shut)(void *door); /* the port was closed; may be NULL */
};

/* NULL without memory. */
struct listening *listening_new(struct loop *loop, const struct listening_handlers *h);
/* where: as the supervisor calls it; one that is there already is replaced.  Logs a failure. */
void listening_add(struct listening *l, void *door, const char *where, int fd);
void listening_serve(struct listening *l); /* until then clients wait in the kernel's queue */
void listening_end(struct listening *l);   /* all are closed */

#endif
