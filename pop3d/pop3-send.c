#include "config.h"

#include "pop3d/pop3d.h"

#include <stdio.h>
#include <unistd.h>

enum { CHUNK = 16384, WRAP_HEAD_MAX = 65536 };

static void send_piece(struct pop3_io *io, struct pop3_wire *w, struct str piece)
{
	while (piece.n && !w->done && !io->failed) {
		struct str part = str_head(piece, CHUNK);
		pop3_io_room(io, 3 * part.n);
		piece = str_skip(piece, pop3_wire_add(w, part, &io->output));
	}
}

static bool ascii(struct str s)
{
	return !str_has_8bit(s);
}

/* The fields of the message that a plain client may see of it, when they are ASCII. */
static void copy_field(struct str head, struct str name, struct buf *out)
{
	struct str line;
	while (head.n && str_split(&head, '\n', &line) && str_trim(line).n)
		if (str_istarts(line, name)) {
			if (ascii(line))
				buf_addf(out, "%.*s\n", STR_FMT(str_trim(line)));
			return;
		}
}

/*
 * RFC 6856, section 2: a client that has not said UTF8 gets no header in UTF-8.  The message comes
 * as the attachment of one that says so.
 */
static void wrapper(struct pop3_session *s, struct str head, const char *boundary, struct buf *out)
{
	copy_field(head, STR("Date:"), out);
	copy_field(head, STR("From:"), out);
	copy_field(head, STR("To:"), out);
	copy_field(head, STR("Message-ID:"), out);
	buf_addf(out,
	    "Subject: (a message with a Unicode header)\nMIME-Version: 1.0\n"
	    "Content-Type: multipart/mixed; boundary=\"%s\"\n\n"
	    "--%s\nContent-Type: text/plain; charset=us-ascii\n\n"
	    "The header of this message holds Unicode text, which this mail program has not\n"
	    "asked for.  The message is attached as it came.\n\n"
	    "--%s\nContent-Type: %s\nContent-Transfer-Encoding: 8bit\n"
	    "Content-Disposition: attachment\n\n",
	    boundary, boundary, boundary, s->unicode_type);
}

static void send_rest(struct pop3_session *s, struct pop3_wire *w, int fd)
{
	char chunk[CHUNK];
	ssize_t n = 0;
	while (!w->done && !s->io.failed && (n = read(fd, chunk, sizeof chunk)) > 0)
		send_piece(&s->io, w, str_at(chunk, (size_t)n));
	if (n < 0) {
		/* Half a message must not look like a whole one. */
		log_error(NULL, "cannot read a message: %m; the session is ended");
		s->io.failed = true;
	}
}

static void send_wrapped(struct pop3_session *s, struct pop3_wire *w, int fd)
{
	char head[CHUNK], token[17], boundary[32];
	struct buf out;
	ssize_t n = read(fd, head, sizeof head);
	random_token(token, 16);
	snprintf(boundary, sizeof boundary, "=_%s", token);
	buf_init(&out, WRAP_HEAD_MAX);
	wrapper(s, str_at(head, n > 0 ? (size_t)n : 0), boundary, &out);
	send_piece(&s->io, w, buf_str(&out));
	if (n > 0)
		send_piece(&s->io, w, str_at(head, (size_t)n));
	send_rest(s, w, fd);
	buf_clear(&out);
	buf_addf(&out, "\n--%s--\n", boundary);
	send_piece(&s->io, w, buf_str(&out));
	buf_free(&out);
}

int pop3_send(struct pop3_session *s, struct pop3_msg *m, uint64_t body_lines, const char *ok)
{
	struct pop3_wire w;
	int fd = pop3_box_open_msg(&s->box, m);
	if (fd < 0)
		return -1;
	pop3_io_put(&s->io, "%s", ok);
	pop3_wire_init(&w, body_lines);
	if (m->id.utf8 == 1 && !s->utf8)
		send_wrapped(s, &w, fd);
	else
		send_rest(s, &w, fd);
	close(fd);
	pop3_io_room(&s->io, 16);
	if (!s->io.failed)
		pop3_wire_end(&w, &s->io.output);
	return 0;
}
