/* The esmtp module's questions to the process that keeps MTA-STS policies (role sts). */
#ifndef COURIER_ESMTP_STS_CLIENT_H
#define COURIER_ESMTP_STS_CLIENT_H

#include "service/service.h"
#include "sts/no-tls.h"
#include "sts/sts.h"

enum sts_result {
	STS_KNOWN,  /* mode and text say what holds; STS_NONE: nothing */
	STS_NOBODY, /* this instance has no such process */
	STS_LATE,   /* no answer came in time */
};
typedef void (*sts_answered)(void *ctx, enum sts_result r, enum sts_mode mode, struct str policy);

struct sts_client;
/* hosts: gets those that are remembered, when the process is met first.  late_ms: a question that
 * has no answer by then gets STS_LATE; the process itself needs STS_WORST_MS at most. */
struct sts_client *sts_client_new(struct service *s, struct no_tls *hosts, int64_t late_ms);
void sts_client_start(struct sts_client *c); /* in the service's start */
bool sts_list_known(const struct sts_client *c);
void sts_keep_no_tls(struct sts_client *c, struct str host, int64_t until);
/* domain: A- or U-labels.  The answer comes later, never inside the call. */
struct sts_question;
struct sts_question *sts_ask(struct sts_client *c, struct str domain, sts_answered done, void *ctx);
void sts_forget(struct sts_question *q); /* not inside its callback */

#endif
