/*
 * Connections to other mail hosts, as the esmtp module and call-outs both make them: where they
 * come from, what the host is called, and the settings that say so.
 */
#ifndef COURIER_SMTP_OUTGOING_H
#define COURIER_SMTP_OUTGOING_H

#include <sys/socket.h>
#include "base/base.h"
#include "smtp/routes.h"

/* Begins to connect (the port stands in `to`); a descriptor that becomes writable, or -1, errno.
 * source: the address it comes from; empty or "0": the system's choice.  EADDRNOTAVAIL: it is no
 * address of the family of `to`. */
int outgoing_connect(const struct sockaddr_storage *to, struct str source);
/* Of a descriptor that has become writable: 0, or the errno that says why there is no connection.
 */
int outgoing_error(int fd);
bool outgoing_is_address(struct str ip, int family);

struct outgoing_name {
	char host[256];   /* the name, or the IP when there is none */
	char remote[400]; /* "host [ip]", or "[ip]" */
};
/* host: as it was looked up; an IP or "[IP]" is none. */
void outgoing_name(const struct sockaddr_storage *to, const char *host, struct outgoing_name *out);

/* Rows of the file courierd and the files of their own, for the tables of both. */
#define OUTGOING_ROWS                                                                           \
	{.name = "esmtphelo",                                                                   \
	    .type = CONFIG_STRING,                                                              \
	    .file = "esmtphelo",                                                                \
	    .help = "name for EHLO; *: the name of the connection's own address; default: me"}, \
	    {.name = "ipout",                                                                   \
		.type = CONFIG_STRING,                                                          \
		.file = "ipout",                                                                \
		.help = "IPv4 address that connections come from; 0: the system's choice"},     \
	    {.name = "ip6out",                                                                  \
		.type = CONFIG_STRING,                                                          \
		.file = "ip6out",                                                               \
		.help = "IPv6 address that connections come from; 0: the system's choice"},     \
	    {.name = "esmtproutes",                                                             \
		.type = CONFIG_LIST,                                                            \
		.file = "esmtproutes",                                                          \
		.line_wrong = routes_line_wrong,                                                \
		.help = "DOMAIN:RELAY lines that go before DNS"},                               \
	    {.name = "ESMTP_USE_STARTTLS",                                                      \
		.type = CONFIG_BOOL,                                                            \
		.def = "1",                                                                     \
		.help = "use STARTTLS where it is offered"},                                    \
	{                                                                                       \
		.name = "ESMTP_PREFER_IPV6_MX", .type = CONFIG_BOOL, .def = "0",                \
		.help = "try IPv6 addresses of a host before its IPv4 ones"                     \
	}

#endif
