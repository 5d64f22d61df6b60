#include "config.h"

#include "rewrite/rewrite.h"

static const struct rewrite_field *rule_for(
    struct str name, const struct rewrite_field *fields, size_t n)
{
	for (size_t i = 0; name.n && i < n; i++)
		if (str_iis(name, fields[i].name))
			return &fields[i];
	return NULL;
}

int rewrite_fields(struct arena *a, struct str header, const struct rewrite_field *fields, size_t n,
    struct str *out)
{
	struct buf b;
	struct header_field f;
	struct str rest = header;
	bool any = false;
	buf_init(&b, SIZE_MAX / 4);
	while (header_next(&rest, &f)) {
		const struct rewrite_field *r = rule_for(f.name, fields, n);
		any = any || r;
		if (!r) {
			buf_adds(&b, f.raw);
		} else if (r->rename) {
			buf_addz(&b, r->rename);
			buf_adds(&b, str_skip(f.raw, f.name.n));
		}
	}
	*out = header;
	if (any)
		*out = b.failed ? STR_NONE : arena_str(a, buf_str(&b));
	buf_free(&b);
	return any && !out->p ? -1 : 0;
}

/* The fields that make up the newest Resent- block: it ends at a trace field or where a field that
 * a block has once comes again. */
static size_t resent_block(struct str header)
{
	static const char *const once[] = {
	    "Resent-From", "Resent-Date", "Resent-Message-ID", "Resent-Sender"};
	bool seen[ARRAY_LEN(once)] = {false}, begun = false;
	struct header_field f;
	struct str rest = header;
	while (header_next(&rest, &f)) {
		bool resent = str_istarts(f.name, STR("Resent-"));
		bool end = begun && (str_iis(f.name, "Received") || str_iis(f.name, "Return-Path"));
		for (size_t i = 0; i < ARRAY_LEN(once); i++)
			if (str_iis(f.name, once[i])) {
				end = end || seen[i];
				seen[i] = true;
			}
		if (end)
			return (size_t)(f.raw.p - header.p);
		begun = begun || resent;
	}
	return header.n;
}

static int collect(
    struct arena *a, struct str header, const char *prefix, size_t max, struct mailaddr_list *out)
{
	static const char *const names[] = {"To", "Cc", "Bcc"};
	struct mailaddr **tail = &out->first;
	struct header_field f;
	while (header_next(&header, &f)) {
		struct mailaddr_list l;
		bool wanted = false;
		if (!str_istarts(f.name, str_of(prefix)))
			continue;
		for (size_t i = 0; i < ARRAY_LEN(names); i++)
			wanted = wanted || str_iis(str_skip(f.name, strlen(prefix)), names[i]);
		if (!wanted)
			continue;
		if (mailaddr_parse(a, f.body, max - out->mailboxes, &l) < 0)
			return -1;
		*tail = l.first;
		while (*tail)
			tail = &(*tail)->next;
		out->mailboxes += l.mailboxes;
		out->malformed = out->malformed || l.malformed;
		out->limit = out->limit || l.limit;
	}
	return 0;
}

int header_recipients(struct arena *a, struct str header, size_t max, struct mailaddr_list *out)
{
	*out = (struct mailaddr_list){0};
	if (collect(a, str_head(header, resent_block(header)), "Resent-", max, out) < 0)
		return -1;
	if (out->first || out->malformed)
		return 0;
	return collect(a, header, "", max, out);
}
