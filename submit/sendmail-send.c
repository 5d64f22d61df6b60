/* The message to the gate, or into the drop folder. */
#include "config.h"

#include "submit/drop.h"
#include "submit/sendmail.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

enum { SLOT_TRIES = 200, SLOTS_DEFAULT = 1000 };

int sendmail_exit_code(const struct gate_reply *r)
{
	if (r->code < 300)
		return EX_OK;
	if (r->code < 500)
		return EX_TEMPFAIL;
	if (str_starts(r->enhanced, STR("5.1.")))
		return EX_NOUSER;
	if (str_starts(r->enhanced, STR("5.7.")))
		return EX_NOPERM;
	return str_starts(r->enhanced, STR("5.6.")) ? EX_DATAERR : EX_UNAVAILABLE;
}

static int refused(const char *what, struct str about, const struct gate_reply *r)
{
	fprintf(stderr, "sendmail: %s%.*s: %u %.*s %.*s\n", what, STR_FMT(about), r->code,
	    STR_FMT(r->enhanced), STR_FMT(r->text));
	return sendmail_exit_code(r);
}

static struct gate_rcpt rcpt_of(const struct sendmail_options *o, struct str address)
{
	return (struct gate_rcpt){.address = address, .notify = o->notify};
}

/* The dialogue.  -1: the gate is gone before it has said yes. */
static int talk(
    struct gate_sync *g, const struct sendmail_options *o, const struct sendmail_message *m)
{
	struct gate_reply r;
	struct gate_mail mail = {
	    .sender = m->sender,
	    .with = o->node ? "uucp" : "local",
	    .helo = str_of(o->node),
	    .envid = str_of(o->envid),
	    .security = str_of(o->security),
	    .ret = o->ret,
	    .verp = o->verp,
	    .body8 = str_has_8bit(buf_str(&m->text)),
	    .smtputf8 = true,
	    .size = m->text.n,
	};
	if (gate_sync_mail(g, &mail, &r) < 0)
		return -1;
	if (r.code >= 300)
		return refused("sender ", m->sender, &r);
	for (size_t i = 0; i < m->n_rcpts; i++) {
		struct gate_rcpt rcpt = rcpt_of(o, m->rcpts[i]);
		if (gate_sync_rcpt(g, &rcpt, &r) < 0)
			return -1;
		if (r.code >= 300)
			return refused("recipient ", m->rcpts[i], &r);
	}
	if (gate_sync_data(g, buf_str(&m->text)) < 0 || gate_sync_end(g, &r) < 0)
		return -1;
	return r.code < 300 ? EX_OK : refused("message", STR_NONE, &r);
}

int sendmail_submit(
    const struct instance *in, const struct sendmail_options *o, const struct sendmail_message *m)
{
	/* Nothing of the environment reaches the gate: it may be anybody's. */
	struct gate_origin origin = {.source = o->node ? "uucp" : "local"};
	struct gate_sync *g = gate_sync_open(in, &origin);
	int r = g ? talk(g, o, m) : -1;
	gate_sync_close(g);
	if (r < 0 && o->node) /* uuxqt keeps it */
		fprintf(stderr, "rmail: the mail system is not running; try again later\n");
	if (o->node)
		return r < 0 ? EX_TEMPFAIL : r;
	/* A gate that can't take it now is as good as none: what is kept is taken up later. */
	return r < 0 || r == EX_TEMPFAIL ? sendmail_drop(in, o, m) : r;
}

/* ---- the drop folder ------------------------------------------------------------------------- */

/* The folder can't be listed by us; numbered names keep the count of its files capped. */
static int create_slot(int dir, char name[16])
{
	for (unsigned i = 0; i < SLOT_TRIES; i++) {
		snprintf(name, 16, "%u", (unsigned)(random_u64() % SLOTS_DEFAULT));
		int fd =
		    openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd >= 0 || errno != EEXIST)
			return fd;
	}
	return -1;
}

/* Nobody but the gate (its owner) and we (by its group) may search the folder, so that its mode
 * keeps others out; the file's own mode lets the gate read what belongs to the sender. */
enum { DROP_FILE_MODE = 0644 };

static int write_drop(int fd, const struct sendmail_options *o, const struct sendmail_message *m)
{
	struct buf head;
	struct drop d = {
	    .sender = m->sender,
	    .envid = str_of(o->envid),
	    .ret = o->ret,
	    .verp = o->verp,
	    .n = m->n_rcpts,
	    .bytes = m->text.n,
	};
	d.rcpts = mem_zero(m->n_rcpts * sizeof(*d.rcpts));
	for (size_t i = 0; i < m->n_rcpts; i++)
		d.rcpts[i] = m->offers ? m->offers[i] : rcpt_of(o, m->rcpts[i]);
	buf_init(&head, DROP_HEAD_MAX);
	bool good = drop_encode(&d, &head) && fchmod(fd, DROP_FILE_MODE) == 0 &&
		    file_write_all(fd, head.p, head.n) == 0 &&
		    file_write_all(fd, m->text.p, m->text.n) == 0 && file_sync_full(fd) == 0 &&
		    syncfs(fd) == 0; /* its name: we may not open the folder */
	buf_free(&head);
	free(d.rcpts);
	return good ? 0 : -1;
}

int sendmail_drop(
    const struct instance *in, const struct sendmail_options *o, const struct sendmail_message *m)
{
	char *folder = instance_path(in->var, "drop"), name[16];
	int dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd = dir < 0 ? -1 : create_slot(dir, name);
	int r = EX_OK;
	if (o->security || fd < 0 || write_drop(fd, o, m) < 0 || file_close(fd) < 0) {
		if (o->security)
			fprintf(
			    stderr, "sendmail: the gate is not there, and only it can keep -S\n");
		else
			fprintf(stderr,
			    "sendmail: the mail system is not running and '%s' can't be written: "
			    "%s; "
			    "try again later\n",
			    folder, strerror(errno));
		if (fd >= 0)
			unlinkat(dir, name, 0);
		r = EX_TEMPFAIL;
	}
	if (dir >= 0)
		close(dir);
	free(folder);
	return r;
}
