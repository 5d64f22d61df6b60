/*
 * libs/auth, auth-text.h: one question to authdaemond's UNIX socket, for command-line tools.  The
 * protocol is the original's (authdaemon/text-request.h).
 */
#ifndef COURIER_AUTH_TEXT_H
#define COURIER_AUTH_TEXT_H

#include "config/instance.h"

/*
 * Connects to var/authdaemon/socket of the instance, sends the request, reads the answer to its end
 * (cleared first; its maximum is the limit).  Seconds to wait come from the environment:
 * TIMEOUT_SOCK (10) for connecting, TIMEOUT_WRITE (10), TIMEOUT_READ (30).  0, or -1 with errno. An
 * empty answer means that authdaemond can't tell.
 */
int auth_text_ask(const struct instance *in, struct str request, struct buf *answer);

#endif
