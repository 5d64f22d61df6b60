/*
 * The options of the TCP server in front of a mail service (couriertcpd's), as they stand in
 * BLACKLISTS, DROP and TCPDOPTS.
 *
 *	-block=ZONE[=DISPLAY][,VAR[/A.B.C.D][,TEXT]]   -allow=...   lists of the DNS, in order
 *	-drop[=VAR]           close when VAR (BLOCK) is set and not empty
 *	-accesslocal          look the local address up in the access table, too
 *	-denymsg=TEXT         what a client hears that the table denies
 *	-maxprocs=N -maxperc=N -maxperip=N -warn=N
 *	-nodnslookup          no names of clients
 *	-haproxy[=SECONDS][/port=[IP.]N][,[/port=][IP.]N...]
 *	-noidentlookup -stderrlogger=P -stderrloggername=N   nothing to do: IDENT is never asked,
 *and the log is the log
 *
 * Words are parted by blanks; double quotes hold blanks together.  What belongs to another place
 * (-pid, -user, -address, ...) is a fault that says where, as is a word nobody knows.  Pure.
 */
#ifndef COURIER_ACCESS_OPTIONS_H
#define COURIER_ACCESS_OPTIONS_H

#include "access/access.h"

enum {
	DNS_LISTS_MAX = 16,
	TCPD_PORTS_MAX = 16,
	TCPD_TEXT_MAX = 8192, /* all options of a service */
	TCPD_LIST_TEXT_MAX = 400,
	TCPD_PROXY_SECONDS = 15, /* longest wait for a PROXY header unless told */
};

struct dns_list {
	bool allow;
	struct str zone;    /* lower case, no dot at its end */
	struct str display; /* the name that is shown */
	struct str var;
	struct str text; /* custom text; empty: the list's own, or ours */
	bool ask_a, ask_txt;
	bool exact; /* value: the one answer that counts */
	unsigned char value[4];
};

struct tcpd_options {
	struct dns_list lists[DNS_LISTS_MAX];
	size_t n_lists;
	struct str drop; /* the variable; empty: nobody is dropped */
	bool access_local, no_names;
	struct str deny_text;
	uint32_t max_procs, max_net, max_ip, warn; /* 0: not said */
	bool proxy;
	unsigned proxy_seconds;
	struct {
		struct access_addr addr;
		bool any; /* on every address */
		uint16_t port;
	} proxy_ports[TCPD_PORTS_MAX]; /* none: all ports */
	size_t n_proxy_ports;
};

/* Adds the options of text to *o, which begins zeroed.  NULL, or what is wrong (static text) with
 * *word, a view.  Strings live in the arena. */
const char *tcpd_options_parse(
    struct arena *a, struct str text, struct tcpd_options *o, struct str *word);
/* For a settings table: whether a value can be parsed, and if not why. */
bool tcpd_options_explain(struct str text, struct buf *why);
/* Whether connections to this address and port begin with a PROXY header (from who may send one).
 */
bool tcpd_proxy_port(const struct tcpd_options *o, const struct access_addr *local, uint16_t port);

#endif
