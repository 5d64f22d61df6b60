#include "submit/drop.h"

static void line(struct buf *out, const char *name, struct str value)
{
	if (value.n == 0)
		return;
	buf_addz(out, name);
	buf_addc(out, ' ');
	field_encode(value, out);
	buf_addc(out, '\n');
}

bool drop_encode(const struct drop *d, struct buf *out)
{
	buf_addz(out, "courier-drop 1\n");
	line(out, "sender", d->sender);
	for (size_t i = 0; i < d->n; i++) {
		buf_addz(out, "rcpt ");
		field_encode(d->rcpts[i].address, out);
		buf_addc(out, '\t');
		field_encode(d->rcpts[i].orcpt, out);
		buf_addf(out, "\t%u\n", d->rcpts[i].notify);
	}
	line(out, "envid", d->envid);
	if (d->ret)
		buf_addf(out, "ret %c\n", d->ret);
	if (d->verp)
		buf_addz(out, "verp 1\n");
	return buf_addf(out, "bytes %llu\n\n", (unsigned long long)d->bytes);
}

static bool decode(struct str s, struct arena *a, struct str *out)
{
	struct buf b;
	buf_init(&b, 8192);
	bool good = field_decode(s, &b);
	if (good)
		*out = arena_str(a, buf_str(&b));
	buf_free(&b);
	return good && out->p;
}

static bool add_rcpt(struct str value, struct arena *a, struct drop *d)
{
	struct str piece[3];
	size_t n = 0;
	uint64_t notify;
	while (n < 3 && str_split(&value, '\t', &piece[n]))
		n++;
	if (n != 3 || value.n || d->n >= DROP_RCPTS_MAX || !str_u64(piece[2], &notify) ||
	    notify > GATE_NOTIFY_NEVER)
		return false;
	struct gate_rcpt *r = &d->rcpts[d->n];
	r->notify = (uint8_t)notify;
	if (!decode(piece[0], a, &r->address) || !decode(piece[1], a, &r->orcpt))
		return false;
	d->n++;
	return r->address.n != 0;
}

static bool take(struct str name, struct str value, struct arena *a, struct drop *d, bool *sized)
{
	if (str_is(name, "sender"))
		return decode(value, a, &d->sender);
	if (str_is(name, "envid"))
		return decode(value, a, &d->envid);
	if (str_is(name, "rcpt"))
		return add_rcpt(value, a, d);
	if (str_is(name, "ret") && (str_is(value, "F") || str_is(value, "H"))) {
		d->ret = value.p[0];
		return true;
	}
	if (str_is(name, "verp")) {
		d->verp = true;
		return true;
	}
	*sized = str_is(name, "bytes") && str_u64(value, &d->bytes);
	return *sized;
}

static size_t count_rcpts(struct str head)
{
	struct str line;
	size_t n = 0;
	while (str_split(&head, '\n', &line) && line.n)
		n += str_starts(line, STR("rcpt "));
	return n < DROP_RCPTS_MAX ? n : DROP_RCPTS_MAX;
}

int drop_decode(struct str head, struct arena *a, struct drop *d, size_t *body, const char **why)
{
	struct str rest = head, l;
	bool sized = false;
	*d = (struct drop){0};
	ptrdiff_t end = str_find(head, STR("\n\n"));
	if (end < 0)
		return 0;
	d->rcpts = arena_zero(a, (count_rcpts(head) + 1) * sizeof(*d->rcpts));
	*why = "no memory";
	if (!d->rcpts)
		return -1;
	rest = str_head(head, (size_t)end);
	*why = "not a drop file";
	if (!str_split(&rest, '\n', &l) || !str_is(l, "courier-drop 1"))
		return -1;
	while (str_split(&rest, '\n', &l)) {
		ptrdiff_t blank = str_chr(l, ' ');
		*why = "a line of the envelope can't be understood";
		if (blank < 0 ||
		    !take(str_head(l, (size_t)blank), str_skip(l, (size_t)blank + 1), a, d, &sized))
			return -1;
	}
	*why = "the envelope is not complete";
	*body = (size_t)end + 2;
	return sized && d->n ? 1 : -1;
}
