/* Cached policies as text, and what is to be done next. */
#include "sts/sts.h"

enum {
	LOOK_AGAIN_S = 24 * 3600,
	GRACE_S = 24 * 3600,       /* a policy that is over stays so long */
	UNUSED_S = 30 * 24 * 3600, /* nobody has written there for so long: it is left to age */
};

static bool head_line(struct sts_entry *e, struct str line)
{
	struct str name;
	if (!str_word(&line, &name))
		return false;
	line = str_trim(line);
	if (str_is(name, "id")) {
		e->id = line;
		return sts_id_ok(line);
	}
	if (str_is(name, "fetched"))
		return str_i64(line, &e->fetched) && e->fetched > 0;
	if (!str_is(name, "override"))
		return false;
	e->overridden = true;
	return sts_mode_parse(line, &e->override);
}

bool sts_entry_parse(struct str file, struct sts_entry *out)
{
	struct str line;
	*out = (struct sts_entry){0};
	if (file.n > STS_ENTRY_MAX || !str_split(&file, '\n', &line) ||
	    !str_is(line, "courier-sts 1"))
		return false;
	while (str_split(&file, '\n', &line) && line.n)
		if (!head_line(out, line))
			return false;
	out->text = file;
	return out->id.n && out->fetched && !sts_policy_parse(file, &out->policy);
}

bool sts_entry_print(const struct sts_entry *e, struct buf *out)
{
	buf_addf(
	    out, "courier-sts 1\nid %.*s\nfetched %lld\n", STR_FMT(e->id), (long long)e->fetched);
	if (e->overridden)
		buf_addf(out, "override %s\n", sts_mode_name(e->override));
	buf_addc(out, '\n');
	return buf_adds(out, e->text) && !out->failed;
}

enum sts_mode sts_entry_mode(const struct sts_entry *e)
{
	return e->overridden ? e->override : e->policy.mode;
}

/* A clock that was set back makes nothing live for ever. */
bool sts_entry_live(const struct sts_entry *e, int64_t now)
{
	return e->fetched <= now + LOOK_AGAIN_S && e->fetched + (int64_t)e->policy.max_age > now;
}

bool sts_entry_stale(const struct sts_entry *e, int64_t now, int64_t refresh_s)
{
	int64_t half = (int64_t)e->policy.max_age / 2;
	return now - e->fetched >= (half < refresh_s ? half : refresh_s);
}

/* A policy that is remembered counts until its time is over, whatever DNS and web server do
 * (RFC 8461, 3.3): an attacker must not be able to make it vanish. */
enum sts_step sts_decide(const struct sts_facts *f)
{
	if (f->record && !f->failed && (!f->cached || !f->same_id || f->refresh))
		return STS_FETCH;
	return f->cached ? STS_USE_CACHE : STS_NO_POLICY;
}

enum sts_upkeep sts_upkeep(const struct sts_entry *e, int64_t used, int64_t now, int64_t refresh_s)
{
	if (!sts_entry_live(e, now - GRACE_S))
		return STS_REMOVE;
	return sts_entry_stale(e, now, refresh_s) && now - used <= UNUSED_S ? STS_REFRESH
									    : STS_LEAVE;
}
