/*
 * The gate's client of courierldapaliasd: aliases in a directory, when there is one.
 *
 * Whether the role is part of the instance is the supervisor's to say (LDAP_ALIAS); it is asked
 * again now and then.  While that is not known a question waits; when the role is down, or does not
 * answer in time, the answer is LDAP_ALIAS_DOWN: a temporary error, never "no such alias".
 */
#ifndef COURIER_SUBMIT_LDAP_ALIAS_H
#define COURIER_SUBMIT_LDAP_ALIAS_H

#include "submit/aliases.h"
#include "service/service.h"

enum ldap_alias_state { LDAP_ALIAS_NONE, LDAP_ALIAS_FOUND, LDAP_ALIAS_DOWN };

struct ldap_alias_client;
struct ldap_alias_client *ldap_alias_client_new(struct service *s);
/* false: there is no directory of aliases, nothing need be asked. */
bool ldap_alias_used(const struct ldap_alias_client *c);

/* domain: targets are names of accounts ("@domain: account"), else addresses; one a line. */
typedef void (*ldap_alias_answer)(
    void *ctx, enum ldap_alias_state state, bool domain, struct str lines);
/* The callback never comes from inside the call. */
struct ldap_alias_question;
struct ldap_alias_question *ldap_alias_ask(struct ldap_alias_client *c, const char *source,
    struct str domain, const struct str *keys, unsigned n, ldap_alias_answer cb, void *ctx);
void ldap_alias_cancel(struct ldap_alias_question *q); /* NULL is fine */

#endif
