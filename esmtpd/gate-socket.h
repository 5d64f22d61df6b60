/*
 * The gate as libs/gate's async face shows it, for a program that no supervisor has started: over
 * the socket that every program may use, where the kernel tells the gate who calls.  One client,
 * one transaction; each request blocks, its answer comes from the loop as everywhere.
 */
#ifndef ESMTPD_GATE_SOCKET_H
#define ESMTPD_GATE_SOCKET_H

#include "gate/gate.h"

/* env: further lines for gate_origin.env, before the caller's; host: the client's name.  Both views
 * must live as long as the client. */
struct gate_client *gate_socket_new(
    struct loop *l, const struct instance *in, struct str env, struct str host);

#endif
