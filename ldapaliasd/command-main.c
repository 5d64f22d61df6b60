/* courierldapaliasd start | stop | restart | query SOURCE ADDRESS */
#include "config.h"

#include "ldapaliasd/alias-proto.h"
#include "ldapaliasd/ldapaliasrc.h"
#include "submit/aliases.h"
#include "submit/tool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { ANSWER_MS = 60000, ASK_ARENA = 256 * 1024, EXIT_TEMPORARY = 75 };

static int usage(void)
{
	fprintf(stderr,
	    "usage: courierldapaliasd [-C DIR] start | stop | restart | query SOURCE ADDRESS\n");
	return EXIT_FAILURE;
}

/* The part is one of the instance: `courier` knows how to start it. */
static int as_part(struct tool *t, const char *verb)
{
	if (strcmp(verb, "stop") != 0 && !ldapaliasrc_on(t->in.etc)) {
		fprintf(stderr,
		    "courierldapaliasd: LDAP_ALIAS is not 1 in '%s/ldapaliasrc'; nothing is "
		    "started\n",
		    t->in.etc);
		return EXIT_SUCCESS;
	}
	if (t->in.home)
		execl(SBINDIR "/courier", "courier", "-C", t->in.home, verb, "ldapalias",
		    (char *)NULL);
	else
		execl(SBINDIR "/courier", "courier", verb, "ldapalias", (char *)NULL);
	fprintf(stderr, "courierldapaliasd: cannot run courier: %s\n", strerror(errno));
	return EXIT_FAILURE;
}

/* ---- query ----------------------------------------------------------------------------------- */

static struct ipc *reach(struct tool *t)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	char *path = instance_path(t->in.run, LDAPALIAS_SOCKET);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct ipc *c = NULL;
	if (strlen(path) < sizeof(a.sun_path)) {
		memcpy(a.sun_path, path, strlen(path) + 1);
		if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
			c = ipc_new(NULL, fd, NULL, NULL);
	}
	if (!c) {
		fprintf(stderr, "courierldapaliasd: cannot reach '%s': %s; is it started?\n", path,
		    strerror(errno));
		if (fd >= 0)
			close(fd);
	}
	free(path);
	return c;
}

static void print_lines(
    const struct names *n, const struct address *a, uint8_t result, struct str lines)
{
	struct buf out;
	struct str line;
	buf_init(&out, ALIAS_TEXT_MAX);
	while (str_split(&lines, '\n', &line)) {
		if (line.n && result == LDAPALIAS_DOMAIN)
			alias_of_domain(n, a, line, &out);
		else if (line.n)
			buf_addf(&out, "%.*s\n", STR_FMT(line));
	}
	fwrite(out.p, 1, out.n, stdout);
	buf_free(&out);
}

static int receive(struct ipc *c, const struct names *n, const struct address *a)
{
	struct buf lines;
	struct ipc_msg m;
	uint8_t result = LDAPALIAS_DOWN, more = 1;
	buf_init(&lines, ALIAS_TEXT_MAX);
	while (more && ipc_recv(c, &m, ANSWER_MS) > 0) {
		struct ipc_reader r;
		ipc_read(&m, &r);
		result = ipc_get_u8(&r);
		more = ipc_get_u8(&r);
		buf_adds(&lines, ipc_get_rest(&r));
	}
	bool good = !more && result != LDAPALIAS_DOWN;
	if (good)
		print_lines(n, a, result, buf_str(&lines));
	else
		fprintf(stderr, "courierldapaliasd: no answer: %.*s\n",
		    STR_FMT(lines.n ? buf_str(&lines) : STR("the connection has ended")));
	buf_free(&lines);
	return good ? EXIT_SUCCESS : EXIT_TEMPORARY;
}

static int query(struct tool *t, const char *source, const char *text)
{
	struct str keys[ALIAS_KEYS_MAX];
	struct address a;
	struct arena *arena = arena_new(ASK_ARENA);
	if (!arena || address_canonical(&t->names, arena, str_of(text), STR_NONE,
			  ADDRESS_BARE | ADDRESS_UTF8, &a) != ADDRESS_OK) {
		fprintf(stderr, "courierldapaliasd: '%s' is no address\n", text);
		return EXIT_FAILURE;
	}
	unsigned n = alias_keys(&t->names, arena, &a, keys);
	struct ipc *c = reach(t);
	int r = EXIT_TEMPORARY;
	if (c) {
		ipc_compose(c, LDAPALIAS_ASK, 1);
		ipc_put_z(c, source);
		ipc_put_str(c, a.domain);
		ipc_put_u32(c, n);
		for (unsigned i = 0; i < n; i++)
			ipc_put_str(c, keys[i]);
		r = ipc_send(c, -1) < 0 ? EXIT_TEMPORARY : receive(c, &t->names, &a);
	}
	ipc_free(c);
	arena_free(arena);
	return r;
}

int main(int argc, char **argv)
{
	struct tool t;
	int r;
	if (tool_open(&t, "courierldapaliasd", &argc, &argv) < 0)
		return EXIT_FAILURE;
	if (argc == 4 && strcmp(argv[1], "query") == 0)
		r = query(&t, argv[2], argv[3]);
	else if (argc == 2 && (strcmp(argv[1], "start") == 0 || strcmp(argv[1], "stop") == 0 ||
				  strcmp(argv[1], "restart") == 0))
		r = as_part(&t, argv[1]);
	else
		r = usage();
	tool_close(&t);
	return r;
}
