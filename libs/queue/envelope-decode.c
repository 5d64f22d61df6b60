#include "config.h"

#include "queue/envelope.h"

enum { REPLY_LINES_MAX = 50 };

struct reading {
	struct envelope *e;
	struct arena *a;
	size_t rcpts, env, keys; /* how many were met so far */
	uint8_t *lines; /* per recipient: reply lines kept; 255: the next record begins anew */
	const char *why;
};

static int bad(struct reading *d, const char *why)
{
	d->why = why;
	return -1;
}

static bool number(struct str s, int64_t *out)
{
	return str_i64(s, out);
}

/* "N rest": the recipient's number and what follows the blank. */
static int rcpt_at(struct reading *d, struct str v, struct envelope_rcpt **r, struct str *rest)
{
	struct str digits;
	uint64_t n;
	*rest = v;
	if (!str_split(rest, ' ', &digits) || !str_u64(digits, &n))
		return bad(d, "a record without the number of its recipient");
	if (n >= d->rcpts)
		return bad(d, "a record of a recipient that does not exist");
	*r = &d->e->rcpts[n];
	return 0;
}

static int decode_field(struct reading *d, struct str *rest, struct str *out)
{
	struct str raw;
	if (!str_split(rest, '\t', &raw))
		raw = STR_NONE;
	if (!memchr(raw.p ? raw.p : "", '\\', raw.n)) {
		*out = raw;
		return 0;
	}
	struct buf b;
	buf_init(&b, ENVELOPE_LINE_MAX);
	int r = field_decode(raw, &b) && (*out = arena_str(d->a, buf_str(&b))).p
		    ? 0
		    : bad(d, "a field that cannot be decoded");
	buf_free(&b);
	return r;
}

static int take_route(struct reading *d, struct envelope_rcpt *r, struct str v)
{
	return decode_field(d, &v, &r->module) || decode_field(d, &v, &r->host) ||
		       decode_field(d, &v, &r->to)
		   ? -1
		   : 0;
}

static int take_notify(struct reading *d, struct envelope_rcpt *r, struct str v)
{
	for (size_t i = 0; i < v.n; i++)
		switch (v.p[i]) {
		case 'S':
			r->notify |= NOTIFY_SUCCESS;
			break;
		case 'F':
			r->notify |= NOTIFY_FAILURE;
			break;
		case 'D':
			r->notify |= NOTIFY_DELAY;
			break;
		case 'N':
			r->notify = NOTIFY_NEVER;
			break;
		default:
			return bad(d, "an unknown letter in an N record");
		}
	return 0;
}

/* Reply lines are joined with LF; the quadratic cost is bounded by REPLY_LINES_MAX. */
static int add_reply(struct reading *d, struct envelope_rcpt *r, uint8_t *lines, struct str text)
{
	if (*lines >= REPLY_LINES_MAX)
		return 0;
	++*lines;
	if (!r->reply.n) {
		r->reply = text;
		return 0;
	}
	char *p = arena_alloc(d->a, r->reply.n + 1 + text.n);
	if (!p)
		return bad(d, "too large");
	memcpy(p, r->reply.p, r->reply.n);
	p[r->reply.n] = '\n';
	if (text.n)
		memcpy(p + r->reply.n + 1, text.p, text.n);
	r->reply = str_at(p, r->reply.n + 1 + text.n);
	return 0;
}

static int take_info(struct reading *d, struct str v)
{
	struct envelope_rcpt *r;
	struct str rest;
	if (rcpt_at(d, v, &r, &rest))
		return -1;
	if (rest.n < 1)
		return bad(d, "an I record without its kind");
	struct str text = str_skip(rest, 2);
	uint8_t *lines = &d->lines[r - d->e->rcpts];
	if (*lines == 255) {
		r->peer = r->error = r->sent = r->reply = STR_NONE;
		*lines = 0;
	}
	switch (rest.p[0]) {
	case 'P':
		r->peer = text;
		return 0;
	case 'C':
		r->error = text;
		return 0;
	case 'S':
		r->sent = text;
		return 0;
	case 'R':
		return add_reply(d, r, lines, text);
	default:
		return 0;
	}
}

static int take_result(struct reading *d, char letter, struct str v)
{
	struct envelope_rcpt *r;
	struct str rest, when;
	if (rcpt_at(d, v, &r, &rest))
		return -1;
	int64_t t;
	if (!str_split(&rest, ' ', &when) || !number(when, &t))
		return bad(d, "a result without its time");
	r->when = t;
	r->status = STR_NONE;
	r->local = false;
	if (letter == 'D')
		r->state = RCPT_DEFERRED;
	else if (letter == 'F')
		r->state = RCPT_FAILED;
	else {
		r->state = str_is(rest, "r") ? RCPT_RELAYED : RCPT_DELIVERED;
		r->local = str_is(rest, "l");
	}
	if (letter != 'S')
		r->status = rest;
	d->lines[r - d->e->rcpts] = 255;
	return 0;
}

static int take_key(struct reading *d, struct str v)
{
	struct envelope_key *k = &d->e->keys[d->keys++];
	return decode_field(d, &v, &k->token) || decode_field(d, &v, &k->id) ? -1 : 0;
}

static int take_rcpt(struct reading *d, char letter, struct str v)
{
	if (letter == 'r') {
		d->e->rcpts[d->rcpts++].address = v;
		return 0;
	}
	if (!d->rcpts)
		return bad(d, "a record of a recipient before the first one");
	struct envelope_rcpt *r = &d->e->rcpts[d->rcpts - 1];
	if (letter == 'R')
		r->orcpt = v;
	else if (letter == 'N')
		return take_notify(d, r, v);
	else
		return take_route(d, r, v);
	return 0;
}

static int take_time(struct reading *d, struct str v, int64_t *out)
{
	return number(v, out) ? 0 : bad(d, "a time that is no number");
}

static int take_reroute(struct reading *d, struct str v)
{
	struct envelope_rcpt *r;
	struct str rest;
	return rcpt_at(d, v, &r, &rest) ? -1 : take_route(d, r, rest);
}

static int take_place(struct reading *d, struct str v)
{
	struct envelope_rcpt *r;
	struct str rest, doubt;
	if (rcpt_at(d, v, &r, &rest) || decode_field(d, &rest, &doubt) ||
	    decode_field(d, &rest, &r->place))
		return -1;
	r->doubt = r->place.n && !str_is(doubt, "0");
	return 0;
}

static int take_reported(struct reading *d, struct str v)
{
	struct envelope_rcpt *r;
	struct str rest;
	if (rcpt_at(d, v, &r, &rest))
		return -1;
	r->reported = true;
	return 0;
}

static int take_number(struct reading *d, char letter, struct str v)
{
	struct envelope *e = d->e;
	uint64_t n = 0;
	if (letter == 'g' ? !str_hex64(v, &n) : !str_u64(v, &n))
		return bad(d, "a value that is no number");
	if (letter == 'g')
		e->generation = n;
	else if (letter == 'B')
		e->size = n;
	else if (n > UINT32_MAX)
		return bad(d, "a uid out of range");
	else
		e->uid = (uint32_t)n;
	return 0;
}

static int take_text(struct reading *d, char letter, struct str v)
{
	struct envelope *e = d->e;
	switch (letter) {
	case 's':
		e->sender = v;
		return 0;
	case 'f':
		e->from_mta = v;
		return 0;
	case 'e':
		e->envid = v;
		return 0;
	case 't':
		e->ret = v.n && (v.p[0] == 'F' || v.p[0] == 'H') ? v.p[0] : 0;
		return 0;
	case 'U':
		e->security = v;
		return 0;
	case 'i':
		e->login = v;
		return 0;
	case 'v':
		e->vhost = v;
		return 0;
	case 'u':
		e->source = v;
		return 0;
	case 'X':
		e->cancelled = v.p ? v : STR("");
		return 0;
	case 'O':
		e->env[d->env++] = v;
		return 0;
	case 'M':
		return queue_id_parse(v, &e->id) ? 0 : bad(d, "a malformed queue id");
	default:
		return 0;
	}
}

static int take_by(struct reading *d, struct str v)
{
	struct envelope *e = d->e;
	struct str when, mode;
	if (!str_word(&v, &when) || !number(when, &e->by) || !str_word(&v, &mode) || mode.n != 1 ||
	    (mode.p[0] != 'R' && mode.p[0] != 'N'))
		return bad(d, "a malformed time to deliver by");
	e->by_mode = mode.p[0];
	e->by_trace = str_is(str_trim(v), "T");
	return 0;
}

static int take_tls(struct reading *d, struct str v)
{
	if (!str_is(v, "R") && !str_is(v, "N"))
		return bad(d, "an unknown demand on TLS");
	d->e->tls = v.p[0];
	return 0;
}

static int take_flag(struct reading *d, char letter)
{
	struct envelope *e = d->e;
	switch (letter) {
	case 'V':
		e->verp = true;
		break;
	case '8':
		e->body8 = true;
		break;
	case 'm':
		e->headers8 = true;
		break;
	case '6':
		e->smtputf8 = true;
		break;
	case 'T':
		e->track = true;
		break;
	case 'w':
		e->warned = true;
		break;
	case 'Z':
		e->reports++;
		break;
	default:
		break;
	}
	return 0;
}

static int take(struct reading *d, char letter, struct str v)
{
	struct envelope *e = d->e;
	switch (letter) {
	case 'r':
	case 'R':
	case 'N':
	case 'h':
		return take_rcpt(d, letter, v);
	case 'I':
		return take_info(d, v);
	case 'S':
	case 'F':
	case 'D':
		return take_result(d, letter, v);
	case 'K':
		return take_key(d, v);
	case 'H':
		return take_reroute(d, v);
	case 'Y':
		return take_reported(d, v);
	case 'k':
		return take_place(d, v);
	case 'g':
	case 'o':
	case 'B':
		return take_number(d, letter, v);
	case 'V':
	case '8':
	case 'm':
	case '6':
	case 'T':
	case 'w':
	case 'Z':
		return take_flag(d, letter);
	case 'C':
		e->rounds++;
		return 0;
	case 'A':
		return take_time(d, v, &e->next);
	case 'E':
		return take_time(d, v, &e->expiry);
	case 'W':
		return take_time(d, v, &e->warn);
	case 'a':
		return take_time(d, v, &e->arrival);
	case 'L':
		return take_time(d, v, &e->delay);
	case '1':
		return take_tls(d, v);
	case '2':
		return take_by(d, v);
	case '3':
		return take_time(d, v, &e->release);
	default:
		return take_text(d, letter, v);
	}
}

/* The next whole line; what follows the last LF is a torn append. */
static bool next_line(struct str *rest, struct str *line)
{
	const char *end = rest->n ? memchr(rest->p, '\n', rest->n) : NULL;
	if (!end)
		return false;
	*line = str_range(rest->p, end);
	*rest = str_skip(*rest, line->n + 1);
	return true;
}

static int count(struct reading *d, struct str text)
{
	struct envelope *e = d->e;
	struct str line;
	while (next_line(&text, &line)) {
		char c = line.n ? line.p[0] : 0;
		e->n_rcpts += c == 'r';
		e->n_env += c == 'O';
		e->n_keys += c == 'K';
	}
	if (e->n_rcpts > ENVELOPE_RCPTS_MAX || e->n_env > ENVELOPE_RCPTS_MAX ||
	    e->n_keys > ENVELOPE_RCPTS_MAX)
		return bad(d, "too many records");
	e->rcpts = arena_zero(d->a, (e->n_rcpts + 1) * sizeof *e->rcpts);
	e->env = arena_zero(d->a, (e->n_env + 1) * sizeof *e->env);
	e->keys = arena_zero(d->a, (e->n_keys + 1) * sizeof *e->keys);
	d->lines = arena_zero(d->a, e->n_rcpts + 1);
	return e->rcpts && e->env && e->keys && d->lines ? 0 : bad(d, "too large");
}

int envelope_decode(struct str text, struct arena *a, struct envelope *e, const char **why)
{
	struct reading d = {.e = e, .a = a, .why = "not a control file"};
	struct str line;
	envelope_init(e);
	*why = d.why;
	if (!text.n || text.p[0] != 's')
		return -1;
	int r = count(&d, text);
	while (!r && next_line(&text, &line)) {
		if (!line.n)
			continue;
		if (line.n > ENVELOPE_LINE_MAX)
			r = bad(&d, "a line that is too long");
		else
			r = take(&d, line.p[0], str_skip(line, 1));
	}
	if (!r && !e->id.seq)
		r = bad(&d, "no queue id");
	*why = d.why;
	return r;
}
