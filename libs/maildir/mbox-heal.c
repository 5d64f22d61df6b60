#include "config.h"

#include "maildir/mbox-heal.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

static const char note[] = "user.courier.append"; /* the length before, LF, how it begins */
enum { NOTED_MAX = 256, CHUNK = 65536, LINE = 1024 };

/* Without a note (some file systems have no attributes) half a message stays, as in other mail
 * systems; the next one begins on a line of its own in any case. */
void mbox_note(int fd, off_t end, struct str head)
{
	char text[NOTED_MAX + 24];
	int n = snprintf(text, sizeof text, "%lld\n%.*s", (long long)end,
	    (int)(head.n < NOTED_MAX ? head.n : NOTED_MAX), head.p);
	fsetxattr(fd, note, text, (size_t)n, 0);
}

void mbox_noted(int fd)
{
	fremovexattr(fd, note);
}

/* "12:34": the line that begins a message has a time in it. */
static bool has_time(struct str line)
{
	const unsigned char *p = (const unsigned char *)line.p;
	for (size_t i = 0; i + 5 <= line.n; i++)
		if (p[i + 2] == ':' && ascii_digit(p[i]) && ascii_digit(p[i + 1]) &&
		    ascii_digit(p[i + 3]) && ascii_digit(p[i + 4]))
			return true;
	return false;
}

/* Every program that appends to an mbox begins with "From ", an address and the time; behind half a
 * message that need not be at a line's start.  Does that stand in the first `most` bytes? */
static bool begins_message(struct str text, size_t most)
{
	for (ptrdiff_t at; (at = str_find(text, STR("From "))) >= 0 && (size_t)at < most;) {
		struct str line, rest = str_skip(text, (size_t)at);
		str_split(&rest, '\n', &line);
		if (has_time(line))
			return true;
		text = str_skip(text, (size_t)at + 1);
		most -= (size_t)at + 1;
	}
	return false;
}

/* -1, 0, 1.  Then nothing is cut off, even if it was in a text of ours. */
static int somebody_after(int fd, off_t from, off_t end)
{
	char chunk[CHUNK + LINE];
	for (off_t at = from + 1; at < end; at += CHUNK) {
		size_t n = end - at < (off_t)sizeof chunk ? (size_t)(end - at) : sizeof chunk;
		if (file_pread_all(fd, chunk, n, at) < 0)
			return -1;
		if (begins_message(str_at(chunk, n), CHUNK))
			return 1;
	}
	return 0;
}

/* Is it ours, as far as it came? */
static bool begins_with(int fd, off_t from, off_t end, struct str head)
{
	char there[NOTED_MAX];
	size_t n = end - from < (off_t)head.n ? (size_t)(end - from) : head.n;
	return n <= sizeof there && file_pread_all(fd, there, n, from) == 0 &&
	       str_eq(str_at(there, n), str_head(head, n));
}

static int cut(int fd, off_t before, off_t end, struct str head)
{
	size_t lead = 0; /* line ends that finish somebody else's last line */
	while (lead < head.n && head.p[lead] == '\n')
		lead++;
	if (!begins_with(fd, before, end, head))
		return 0;
	int other = somebody_after(fd, before + (off_t)lead, end);
	if (other)
		return other < 0 ? -1 : 0;
	if (ftruncate(fd, before) < 0)
		return -1;
	log_warning(
	    NULL, "half a message was cut off an mbox file: its delivery had been interrupted");
	return 0;
}

int mbox_heal(int fd)
{
	char text[NOTED_MAX + 24];
	struct stat st;
	int64_t before;
	struct str rest, number;
	ssize_t n = fgetxattr(fd, note, text, sizeof text);
	if (n <= 0)
		return 0; /* none, or none can be */
	if (fstat(fd, &st) < 0)
		return -1;
	rest = str_at(text, (size_t)n);
	if (str_split(&rest, '\n', &number) && str_i64(number, &before) && before >= 0 &&
	    before < st.st_size && cut(fd, before, st.st_size, rest) < 0)
		return -1;
	mbox_noted(fd);
	return 0;
}
