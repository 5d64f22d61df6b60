/* What a filter does, told line by line: to who called, and to a file that the account asks for. */
#include "config.h"

#include "filter/drop-private.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WHY = 5, LINE_ROOM = 8192 };

static void keep(struct drop *d, struct str line)
{
	static const char full[] = "--- this file is full: remove it\n";
	bool fits = line.n + sizeof full <= d->trace_room;
	if (d->trace < 0)
		return;
	if (!fits)
		line = str_of(full);
	if (file_write_all(d->trace, line.p, line.n) < 0)
		fits = false; /* mail does not depend on it */
	d->trace_room -= fits ? line.n : 0;
	if (fits)
		return;
	close(d->trace);
	d->trace = -1;
}

static void step(void *ctx, int level, const char *file, unsigned line, struct str text)
{
	struct drop *d = ctx;
	int64_t wanted = d->call->file ? filter_number(d->run, "VERBOSE", 0) : 0;
	if (d->call->why && wanted < WHY)
		wanted = WHY;
	if (level > wanted && (d->trace < 0 || level > WHY))
		return;
	char *shown = file[0] ? mem_printf("%s:%u: %.*s\n", file, line, STR_FMT(text))
			      : mem_printf("%.*s\n", STR_FMT(text));
	if (level <= wanted)
		drop_say(d, str_of(shown), true);
	if (level <= WHY)
		keep(d, str_of(shown));
	free(shown);
}

/* Only where the owner alone has made one, and no link: others must not make us write. */
static int open_file(const struct drop *d, size_t *room)
{
	struct stat st;
	struct str home = filter_get(d->run, "HOME");
	char *path = mem_printf("%.*s/" DROP_TRACE_FILE, STR_FMT(home));
	int fd = open(path, O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	free(path);
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
	    st.st_nlink == 1 && !(st.st_mode & 022) && st.st_size + LINE_ROOM < DROP_TRACE_MAX) {
		*room = (size_t)(DROP_TRACE_MAX - st.st_size);
		return fd;
	}
	close(fd);
	return -1;
}

void drop_trace_begin(struct drop *d)
{
	char date[CLOCK_RFC5322_SIZE];
	d->trace = open_file(d, &d->trace_room);
	if (d->call->file || d->call->why || d->trace >= 0)
		filter_trace(d->run, step, d);
	if (d->trace < 0)
		return;
	clock_mbox(clock_now(), date);
	char *line = mem_printf("--- %s, from %.*s, %.*s bytes%s\n", date,
	    STR_FMT(str_head(filter_get(d->run, "FROM"), 500)), STR_FMT(filter_get(d->run, "SIZE")),
	    d->call->embedded ? ", before it is accepted" : "");
	keep(d, str_of(line));
	free(line);
}

void drop_trace_end(struct drop *d)
{
	if (d->trace < 0)
		return;
	char *line = mem_printf("--- exit status %d%s%.*s\n", d->code, d->problem.n ? ": " : "",
	    STR_FMT(str_head(buf_str(&d->problem), 2000)));
	keep(d, str_of(line));
	free(line);
	if (d->trace >= 0)
		close(d->trace);
	d->trace = -1;
}
