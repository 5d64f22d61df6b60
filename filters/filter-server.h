/*
 * The skeleton of the filters that ship: one process, one loop, a connection for each message.
 *
 * A filter describes itself and calls filter_main.  request() may answer at once or later, exactly
 * once, with filter_answer.  When standard input ends no more connections are taken; what was
 * asked is answered, and the process ends.  SIGTERM ends it at once: a connection that is closed
 * without an answer means later.
 *
 * Limits: FILTER_CONNECTIONS_MAX connections, further ones wait in the socket's queue; a request
 * must be there FILTER_REQUEST_MS after its connection.
 */
#ifndef COURIER_FILTERS_FILTER_SERVER_H
#define COURIER_FILTERS_FILTER_SERVER_H

#include "event/event.h"
#include "filters/filter-control.h"
#include "filters/filter-socket.h"

enum { FILTER_CONNECTIONS_MAX = 1000, FILTER_REQUEST_MS = 60000 };

struct filter_server;

struct filter_request {
	struct filter_server *server;
	struct arena *arena; /* lives until the answer */
	struct filter_paths paths;
	void *data; /* the filter's own */
};

struct filter_desc {
	const char *name;
	const struct config_component *const *components;
	size_t n_components;
	int (*start)(struct filter_server *s); /* before the socket is there; -1: logged */
	void (*request)(struct filter_request *r);
	void (*stop)(struct filter_server *s); /* all is answered; may be NULL */
};

int filter_main(const struct filter_desc *d, int argc, char **argv);

void filter_answer(struct filter_request *r, unsigned code, const char *status, struct str text);
/* The message cannot be judged now: why stands in the log. */
void filter_answer_later(struct filter_request *r);

struct loop *filter_loop(struct filter_server *s);
const struct instance *filter_instance(struct filter_server *s);
struct config *filter_config(struct filter_server *s);
void *filter_data(struct filter_server *s);
void filter_set_data(struct filter_server *s, void *data);

#endif
