#include "config.h"

#include "rewrite/rewrite.h"
#include "unicode/unicode.h"

static int add_delivered_to(struct arena *a, struct header_facts *f, struct str body)
{
	size_t n = f->delivered_to_count;
	if (n >= HEADER_FACTS_DELIVERED_TO_MAX)
		return 0;
	if ((n & (n - 1)) == 0) { /* room for twice as many at each power of two */
		struct str *more = arena_alloc(a, (n ? n * 2 : 1) * sizeof *more);
		if (!more)
			return -1;
		if (n)
			memcpy(more, f->delivered_to, n * sizeof *more);
		f->delivered_to = more;
	}
	struct str s = header_unfold(a, body);
	if (!s.p)
		return -1;
	f->delivered_to[f->delivered_to_count++] = s;
	return 0;
}

static void set_flag(struct header_facts *f, struct str name)
{
	const struct {
		const char *name;
		bool *flag;
	} flags[] = {
	    {"Date", &f->has_date},
	    {"Message-ID", &f->has_msgid},
	    {"From", &f->has_from},
	    {"Sender", &f->has_sender},
	    {"To", &f->has_to},
	    {"Cc", &f->has_cc},
	    {"Bcc", &f->has_bcc},
	    {"Return-Path", &f->has_return_path},
	    {"MIME-Version", &f->has_mime_version},
	    {"Content-Type", &f->has_type},
	    {"DKIM-Signature", &f->has_dkim},
	};
	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		if (str_iis(name, flags[i].name))
			*flags[i].flag = true;
	static const char *const recipients[] = {"To", "Cc", "Bcc"};
	struct str base = str_istarts(name, STR("Resent-")) ? str_skip(name, 7) : name;
	for (size_t i = 0; i < ARRAY_LEN(recipients); i++)
		f->has_recipient = f->has_recipient || str_iis(base, recipients[i]);
	f->has_resent = f->has_resent || str_istarts(name, STR("Resent-"));
	f->received += str_iis(name, "Received");
	f->from_count += str_iis(name, "From");
}

int header_facts_read(struct arena *a, struct str header, struct header_facts *out)
{
	struct header_field f;
	struct str rest = header;
	*out = (struct header_facts){.bytes = header.n};
	out->has_8bit = str_has_8bit(header);
	out->not_utf8 = out->has_8bit && !utf8_valid(header);
	while (header_next(&rest, &f)) {
		bool first_id = str_iis(f.name, "Message-ID") && !out->has_msgid;
		set_flag(out, f.name);
		out->junk += f.name.n == 0 && !(f.raw.p == header.p && header_is_mbox_line(&f));
		if (first_id)
			msgid_next(a, &f.body, &out->message_id);
		if (str_iis(f.name, "Delivered-To") && add_delivered_to(a, out, f.body) < 0)
			return -1;
	}
	return 0;
}

static bool same_address(struct arena *a, struct str x, struct str y)
{
	ptrdiff_t i = str_rchr(x, '@'), j = str_rchr(y, '@');
	if (i < 0 || j < 0)
		return i == j && str_eq(x, y);
	if (!str_eq(str_head(x, (size_t)i), str_head(y, (size_t)j)))
		return false;
	return str_eq(domain_canonical(a, str_skip(x, (size_t)i + 1)),
	    domain_canonical(a, str_skip(y, (size_t)j + 1)));
}

bool header_facts_delivered_to(struct arena *a, const struct header_facts *f, struct str address)
{
	for (size_t i = 0; i < f->delivered_to_count; i++)
		if (same_address(a, f->delivered_to[i], address))
			return true;
	return false;
}

static void add(struct buf *out, bool there, const char *before, struct str value,
    const char *after, const char *eol)
{
	if (there || value.n == 0)
		return;
	buf_addz(out, before);
	buf_adds(out, value);
	buf_addz(out, after);
	buf_addz(out, eol);
}

bool header_add_missing(
    struct buf *out, const struct header_facts *f, const struct header_defaults *d)
{
	bool recipients = f->has_recipient || !d->to;
	add(out, f->has_from, "From: ", d->from, "", d->eol);
	add(out, recipients, "To: ", STR("undisclosed-recipients: ;"), "", d->eol);
	add(out, f->has_date, "Date: ", d->date, "", d->eol);
	add(out, f->has_msgid, "Message-ID: <", d->message_id, ">", d->eol);
	return !out->failed;
}
