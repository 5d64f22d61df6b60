/* makedat: a table for filters from a text file. */
#include "config.h"

#include "table/table.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

static const char usage[] =
    "usage: makedat -src=TEXT -tmp=FILE -file=TABLE [-cidr] [-hup=PIDFILE]\n"
    "       makedat TEXT FILE TABLE\n";

enum { TEXT_MAX = 256 << 20, PREFIX_MAX = 32 };

static struct {
	const char *src, *tmp, *file, *hup;
	bool cidr;
} opt;

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "makedat: %s: %s\n", what, strerror(errno));
	exit(EX_TEMPFAIL);
}

static _Noreturn void wrong_line(size_t line, const char *what)
{
	fprintf(stderr, "makedat: %s:%zu: %s\n", opt.src, line, what);
	exit(EX_DATAERR);
}

static void put(struct table_build *b, struct str key, struct str value, size_t line)
{
	if (!key.n)
		wrong_line(line, "a line without key");
	if (table_build_put(b, key, value, true) < 0)
		fail(opt.tmp);
}

/* A network becomes all its prefixes of whole octets, which is how option I of gdbmfetch looks. */
static void put_network(struct table_build *b, struct str key, struct str value, size_t line)
{
	char text[INET_ADDRSTRLEN + 1] = "";
	struct str rest = key, address;
	struct in_addr in;
	uint64_t bits = PREFIX_MAX;
	str_split(&rest, '/', &address);
	if (address.n >= sizeof text ||
	    (address.n < key.n && (!str_u64(rest, &bits) || bits > PREFIX_MAX)))
		wrong_line(line, "not a network");
	memcpy(text, address.p, address.n);
	if (inet_pton(AF_INET, text, &in) != 1)
		wrong_line(line, "not a network");
	uint32_t net = ntohl(in.s_addr);
	unsigned octets = bits == 0 ? 1 : ((unsigned)bits + 7) / 8, whole = octets * 8;
	uint32_t step = whole == PREFIX_MAX ? 1 : UINT32_C(1) << (PREFIX_MAX - whole);
	net = bits == 0 ? 0 : net & ~(uint32_t)((UINT64_C(1) << (PREFIX_MAX - bits)) - 1);
	for (uint32_t i = 0; i < UINT32_C(1) << (whole - bits); i++, net += step) {
		in.s_addr = htonl(net);
		inet_ntop(AF_INET, &in, text, sizeof text);
		struct str name = str_of(text);
		for (unsigned drop = 4 - octets; drop > 0; drop--)
			name = str_head(name, (size_t)str_rchr(name, '.'));
		put(b, name, value, line);
	}
}

static void read_source(struct buf *text)
{
	int fd = strcmp(opt.src, "-") ? open(opt.src, O_RDONLY | O_CLOEXEC) : 0;
	if (fd < 0 || file_read_fd(fd, text) < 0)
		fail(opt.src);
	if (fd > 0)
		close(fd);
}

static void build(struct table_build *b)
{
	struct buf text;
	struct str rest, line;
	buf_init(&text, TEXT_MAX);
	read_source(&text);
	rest = buf_str(&text);
	for (size_t n = 1; rest.n && str_split(&rest, '\n', &line); n++) {
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		if (!line.n || line.p[0] == '#')
			continue;
		ptrdiff_t tab = str_chr(line, '\t');
		struct str key = tab < 0 ? line : str_head(line, (size_t)tab);
		struct str value = tab < 0 ? STR("1") : str_skip(line, (size_t)tab + 1);
		if (opt.cidr)
			put_network(b, str_trim(key), value, n);
		else
			put(b, key, value, n);
	}
	buf_free(&text);
}

static void tell_daemon(void)
{
	struct buf b;
	uint64_t pid = 0;
	buf_init(&b, 100);
	if (file_read(AT_FDCWD, opt.hup, &b) < 0 || !str_u64(str_trim(buf_str(&b)), &pid) ||
	    pid < 2 || pid > INT32_MAX || kill((pid_t)pid, SIGHUP) < 0)
		fprintf(stderr, "makedat: cannot signal the process of %s\n", opt.hup);
	buf_free(&b);
}

static bool option(const char *arg, const char *name, const char **value)
{
	size_t n = strlen(name);
	if (strncmp(arg, name, n) != 0)
		return false;
	*value = arg + n;
	return true;
}

static void read_arguments(int argc, char **argv)
{
	const char **places[] = {&opt.src, &opt.tmp, &opt.file};
	size_t n = 0;
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "-cidr")) {
			opt.cidr = true;
		} else if (option(argv[i], "-src=", &opt.src) ||
			   option(argv[i], "-tmp=", &opt.tmp) ||
			   option(argv[i], "-file=", &opt.file) ||
			   option(argv[i], "-hup=", &opt.hup)) {
			continue;
		} else if ((argv[i][0] != '-' || !argv[i][1]) && n < ARRAY_LEN(places)) {
			*places[n++] = argv[i];
		} else {
			n = ARRAY_LEN(places) + 1;
			break;
		}
	}
	if (n > ARRAY_LEN(places) || !opt.src || !opt.tmp || !opt.file) {
		fputs(usage, stderr);
		exit(EX_USAGE);
	}
}

int main(int argc, char **argv)
{
	struct stat st;
	log_open("makedat", LOG_TO_STDERR, -1);
	read_arguments(argc, argv);
	mode_t mode = stat(opt.file, &st) == 0 ? st.st_mode & 0777 : 0644;
	struct table_build *b = table_build_begin(opt.tmp, TABLE_HASH, mode);
	if (!b)
		fail(opt.tmp);
	build(b);
	if (table_build_commit(b) < 0)
		fail(opt.tmp);
	if (file_rename(AT_FDCWD, opt.tmp, AT_FDCWD, opt.file) < 0)
		fail(opt.file);
	if (opt.hup)
		tell_daemon();
	return 0;
}
