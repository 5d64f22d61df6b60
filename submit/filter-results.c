#include "submit/filter-results.h"

static void put_line(
    struct buf *out, const struct gate_reply *r, bool last, struct str text, size_t room)
{
	size_t frame = 3 + 1 + (r->enhanced.n ? r->enhanced.n + 1 : 0) + 1;
	text = str_head(text, room > frame ? room - frame : 0);
	buf_addf(out, "%03u%c", r->code, last ? ' ' : '-');
	if (r->enhanced.n)
		buf_addf(out, "%.*s ", STR_FMT(r->enhanced));
	buf_adds(out, text);
	buf_addc(out, '\n');
}

void filter_result_add(struct buf *out, const struct gate_reply *r, size_t room)
{
	struct str rest = r->text, line = STR(""), next;
	size_t used = 0;
	bool more = str_split(&rest, '\n', &line);
	while (more && str_split(&rest, '\n', &next)) {
		size_t before = out->n;
		if (used + line.n + next.n + 40 > room)
			break;
		put_line(out, r, false, line, room - used);
		used += out->n - before;
		line = next;
	}
	put_line(out, r, true, line, room > used ? room - used : 0);
}
