/* The gate process: what all transactions share. */
#ifndef COURIER_SUBMIT_PROCESS_H
#define COURIER_SUBMIT_PROCESS_H

#include "auth/auth.h"
#include "broker/broker.h"
#include "dns/dns.h"
#include "queue/queue-client.h"
#include "submit/settings.h"

struct gate_process {
	struct service *service;
	struct policy *policy; /* in force; transactions hold their own */
	struct auth_client *auth;
	struct broker_client *broker;
	struct queue_client *queue;
	struct claim_links *claims;          /* to modules that are asked about addresses */
	struct ldap_alias_client *directory; /* NULL: built without */
	struct map *list_zones;              /* of client-lists.c */
	size_t held_bytes;                   /* of messages that wait for SPF of their From */
	struct dns *dns;     /* NULL: there is no resolver, and what needs it is refused for now */
	uint64_t generation; /* of routes */
	struct peer *peers;
	struct pickup *pickup;  /* process 0 alone; else NULL */
	struct watch *listener; /* the submission socket */
	int listener_fd;
	struct timer *tick, *leave;
	unsigned ticks;
	int64_t etc_changed; /* when the configuration folder was last seen to change, ns */
	size_t transactions, socket_peers;
	size_t messages;            /* begun and not ended */
	uint64_t accepted, refused; /* messages */
	uint32_t uid;               /* of this process */
	bool ready;                 /* the scheduler has been there */
	size_t held;                /* sessions that wait for it to come back */
};

/* Two sources of transactions (edge.c). */
void peer_new(struct gate_process *g, const char *role, int fd, bool socket, uint32_t uid);
void peers_free(struct gate_process *g);
void peers_release(struct gate_process *g); /* the scheduler is there */
void peers_sweep(struct gate_process *g);   /* ends programs that have nothing to say */
size_t peers_of(const struct gate_process *g, uint32_t uid); /* on the submission socket */

#endif
