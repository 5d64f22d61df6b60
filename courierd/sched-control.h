/*
 * The scheduler's control socket, var/run/queue: for mailq, cancelmsg, courier show|flush|status.
 *
 * One request line, one answer, then the connection is closed by the scheduler; the client may
 * close its sending side after the request.  The kernel says who asks (SO_PEERCRED): root and the
 * mail user see and change every message, others their own (those they submitted).  Answers are
 * lines of fields in field_encode form, separated by TAB.  A refusal is one line: error TAB text.
 *
 * list
 *     One line a message, in no order: ID SIZE ARRIVAL UID SENDER NEXT (STATE ADDRESS)...
 *     Times are epoch seconds; NEXT 0: now being worked on; STATE: pending, deferred, held (until
 *     its release), done, fail.
 * show ID
 *     Lines NAME VALUE: id, sender, size, arrival, expiry, next, uid, source, login, envid, rounds,
 *     cancelled, and where there is one release, deliver-by, deliver-by-mode, tls; and for each
 *     recipient a line recipient NUM STATE ADDRESS ORCPT MODULE HOST TIME STATUS PEER TEXT.
 * flush [ID]
 *     All, or one message, are due now.  Answer: "ok".
 * cancel ID REASON
 *     What is not delivered yet fails with REASON (the rest of the line).  Answer: "ok".
 * status
 *     Lines NAME VALUE: messages, loaded, waiting, running, oldest_next, new, completed, modules by
 *     name (module.NAME: running and totals), and the facts of the queue.
 * suppressed
 *     The delivery track, one address a line (root and the mail user alone).
 * clear ADDR|all
 *     Takes one address, or all, off it.  Answer: "ADDR cleared."
 */
#ifndef COURIER_SCHED_CONTROL_H
#define COURIER_SCHED_CONTROL_H

#include "courierd/sched.h"
#include "service/service.h"

struct control;
struct scheduler;
struct control *control_new(struct scheduler *x, struct loop *l);
void control_listen(struct control *c, int listener); /* watches it for clients */

#endif
