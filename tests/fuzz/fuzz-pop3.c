/* POP3: command lines, the size list, and a message on the wire (which must agree with its size).
 */
#include "config.h"

#include "pop3d/pop3d.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void list(struct str in)
{
	struct sizelist l, again;
	struct buf out;
	buf_init(&out, 8 * in.n + 4096);
	if (sizelist_parse(in, &l)) {
		sizelist_head(l.next, l.uidv, &out);
		for (size_t i = 0; i < l.entries.n; i++)
			sizelist_line(l.entries.v[i].base, &l.entries.v[i], &out);
		if (!out.failed && (!sizelist_parse(buf_str(&out), &again) ||
				       again.entries.n != l.entries.n || again.next != l.next))
			abort();
		if (!out.failed)
			sizelist_free(&again);
		buf_clear(&out);
		for (size_t i = 0; i < l.entries.n; i++)
			sizelist_uidl(&l.entries.v[i], &out);
	}
	sizelist_free(&l);
	buf_free(&out);
}

/* Bytes on the wire without the doubled dots. */
static uint64_t undoubled(struct str out)
{
	uint64_t n = 0;
	bool start = true;
	for (size_t i = 0; i < out.n; i++) {
		if (start && out.p[i] == '.' && i + 1 < out.n) {
			start = false;
			continue;
		}
		n++;
		start = out.p[i] == '\n' && i && out.p[i - 1] == '\r';
	}
	return n;
}

static void wire(struct str in)
{
	struct pop3_measure m;
	struct pop3_wire whole, parts;
	struct buf a, b;
	buf_init(&a, 3 * in.n + 64);
	buf_init(&b, 3 * in.n + 64);
	pop3_measure_init(&m);
	pop3_measure_add(&m, in);
	pop3_wire_init(&whole, UINT64_MAX);
	pop3_wire_init(&parts, UINT64_MAX);
	pop3_wire_add(&whole, in, &a);
	for (size_t i = 0; i < in.n; i++)
		pop3_wire_add(&parts, str_at(in.p + i, 1), &b);
	pop3_wire_end(&whole, &a);
	pop3_wire_end(&parts, &b);
	if (a.failed || !str_eq(buf_str(&a), buf_str(&b)) || !str_ends(buf_str(&a), STR(".\r\n")))
		abort();
	if (undoubled(str_head(buf_str(&a), a.n - 3)) != pop3_measure_end(&m))
		abort();
	buf_free(&a);
	buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = str_at(data, size);
	struct pop3_command c;
	pop3_parse(in, &c);
	if (c.verb == POP3_RETR && !c.bad && !c.has_number)
		abort();
	list(in);
	wire(in);
	return 0;
}
