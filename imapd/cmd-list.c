/* LIST and LSUB. */
#include "config.h"

#include "imapd/folders.h"
#include "imapd/list-match.h"
#include "imapd/share.h"
#include "unicode/unicode.h"

#include <errno.h>
#include <stdlib.h>

/* One listing: names in order, each a folder or only the parent of some. */
struct listing {
	struct session *s;
	const char *verb; /* "LIST" */
	struct list_request rq;
	struct str *patterns;           /* joined with the reference, in UTF-8 */
	struct map *exists, *parents;   /* by full name */
	struct map *subscribed, *above; /* subscriptions, and the names above them */
	struct special_use uses;
	unsigned items; /* LIST_ACL ... */
	maildir_list names;
};

static char there[1];  /* a value for maps that only know "is in it" */
static char unseen[1]; /* in `above`: over subscriptions that are not listed themselves */

static void add_parents(struct listing *l, const char *name)
{
	struct str full = str_of(name);
	for (size_t i = full.n; i-- > 0;) {
		if (full.p[i] != '.')
			continue;
		struct str up = str_head(full, i);
		if (map_get(l->parents, up))
			return; /* and so all above it */
		map_set(l->parents, up, there);
		if (!map_get(l->exists, up)) {
			map_set(l->exists, up, l); /* named, but no folder */
			vec_push(&l->names, mem_strndup(up.p, up.n));
		}
	}
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void add_name(struct listing *l, char *name)
{
	map_set(l->exists, str_of(name), there);
	vec_push(&l->names, name);
}

static void finish_names(struct listing *l, bool parents)
{
	size_t n = l->names.n;
	for (size_t i = 0; parents && i < n; i++)
		add_parents(l, l->names.v[i]);
	if (l->names.n > 1)
		qsort(l->names.v, l->names.n, sizeof *l->names.v, by_name);
}

static void put_marked(struct session *s, const char *name, const char *folder)
{
	if (!folder || (*folder && !s->cfg.check_all_folders))
		return;
	const char *dir = name_dir(s, name);
	io_putz(&s->io, dir && maildir_has_new(dir) ? "\\Marked " : "\\Unmarked ");
}

static bool lists(const struct listing *l)
{
	return l->verb[1] == 'I';
}

/* What it is: a folder, the parent of some, or only a subscription. */
static void put_kind(struct listing *l, const char *name, bool real)
{
	struct session *s = l->s;
	if (real && lists(l))
		put_marked(s, name, name_folder(name));
	else if (!real)
		io_putz(&s->io, l->rq.extended ? "\\NonExistent " : "\\Noselect ");
	if (((l->rq.select | l->rq.ret) & LIST_SUBSCRIBED) && map_get(l->subscribed, str_of(name)))
		io_putz(&s->io, "\\Subscribed ");
}

static void put_line(struct listing *l, const char *name)
{
	struct session *s = l->s;
	const char *folder = name_folder(name);
	struct str use;
	bool real = map_get(l->exists, str_of(name)) == there;
	io_putf(&s->io, "* %s (", l->verb);
	put_kind(l, name, real);
	if (real && folder && *folder && special_use_of(s, &l->uses, folder, &use))
		io_putf(&s->io, "\\%.*s ", STR_FMT(use));
	bool children = map_get(l->parents, str_of(name));
	io_putz(&s->io, children                         ? "\\HasChildren"
			: s->cfg.obsolete_client && real ? "\\NoInferiors"
							 : "\\HasNoChildren");
	io_putz(&s->io, ") \".\" ");
	put_name(s, name);
	if ((l->rq.select & LIST_RECURSIVE) && map_get(l->above, str_of(name)))
		io_putz(&s->io, " (\"CHILDINFO\" (\"SUBSCRIBED\"))");
	acl_items_put(s, name, l->items);
	io_putz(&s->io, "\r\n");
	if (real && (l->rq.ret & LIST_STATUS))
		status_show(s, name, l->rq.status);
}

static bool matches(const struct listing *l, const char *name)
{
	for (size_t i = 0; i < l->rq.n; i++)
		if (list_match(l->patterns[i], str_of(name)))
			return true;
	return false;
}

static bool selected(struct listing *l, const char *name)
{
	struct str full = str_of(name), use;
	const char *folder = name_folder(name);
	if ((l->rq.select & LIST_SPECIAL) &&
	    (!folder || !*folder || map_get(l->exists, full) != there ||
		!special_use_of(l->s, &l->uses, folder, &use)))
		return false;
	if (!lists(l) || !(l->rq.select & LIST_SUBSCRIBED))
		return true;
	/* RFC 5258, section 3: a parent is named for the sake of what is not shown itself */
	return map_get(l->subscribed, full) ||
	       ((l->rq.select & LIST_RECURSIVE) && map_get(l->above, full) == unseen);
}

static void put_matching(struct listing *l)
{
	for (size_t i = 0; i < l->names.n; i++)
		if (matches(l, l->names.v[i]) && selected(l, l->names.v[i]))
			put_line(l, l->names.v[i]);
}

static bool decode(struct session *s, struct str in, struct buf *out)
{
	return s->utf8 ? utf8_valid(in) && buf_adds(out, in) : utf7_imap_decode(in, out);
}

/* Reference and pattern joined, in UTF-8, INBOX in capitals. */
static bool join(struct session *s, struct str reference, struct str wild, struct str *out)
{
	struct buf b;
	buf_init(&b, LIST_PATTERN_MAX);
	bool ok = decode(s, reference, &b) && decode(s, wild, &b);
	if (ok && b.n >= 5 && str_iis(str_head(buf_str(&b), 5), "INBOX"))
		memcpy(b.p, "INBOX", 5);
	*out = ok ? arena_str(s->arena, b.n ? buf_str(&b) : STR("")) : STR_NONE;
	buf_free(&b);
	return out->p != NULL;
}

static bool join_patterns(struct listing *l)
{
	struct list_request *rq = &l->rq;
	l->patterns = arena_alloc(l->s->arena, rq->n * sizeof *l->patterns);
	for (size_t i = 0; i < rq->n; i++)
		if (!l->patterns || !join(l->s, rq->reference, rq->patterns[i], &l->patterns[i])) {
			reply_no(l->s, "[CANNOT] Mailbox pattern is not valid");
			return false;
		}
	return true;
}

static bool has_percent(const struct listing *l)
{
	for (size_t i = 0; i < l->rq.n; i++)
		if (str_chr(l->patterns[i], '%') >= 0)
			return true;
	return false;
}

static void listing_open(struct listing *l)
{
	l->exists = map_new();
	l->parents = map_new();
	l->subscribed = map_new();
	l->above = map_new();
	if (special_use_open(&l->uses) < 0)
		log_warning(NULL, "cannot read the special uses, user=%s: %m", l->s->user);
}

static void listing_free(struct listing *l)
{
	map_free(l->exists, NULL);
	map_free(l->parents, NULL);
	map_free(l->subscribed, NULL);
	map_free(l->above, NULL);
	special_use_close(&l->uses);
	maildir_list_free(&l->names);
}

static void list(struct session *s, struct listing *l, int (*collect)(struct listing *l))
{
	if (!join_patterns(l))
		return;
	if (!l->rq.extended && l->rq.patterns[0].n == 0) {
		io_putf(&s->io, "* %s (\\Noselect) \".\" \"\"\r\n", l->verb);
		reply_ok(s, "%s completed", l->verb);
		return;
	}
	listing_open(l);
	if (collect(l) < 0) {
		reply_errno(s, "Cannot list the mailboxes");
	} else {
		put_matching(l);
		reply_ok(s, "%s completed", l->verb);
	}
	listing_free(l);
}

static void add_shared(void *ctx, char *name)
{
	struct listing *l = ctx;
	if (map_get(l->exists, str_of(name)))
		free(name);
	else
		add_name(l, name);
}

static void collect_shared(struct listing *l)
{
	for (size_t i = 0; i < l->rq.n; i++)
		share_list(l->s, l->patterns[i], add_shared, l);
}

/* Of other people's folders only those that the session may see are subscribed to. */
static void add_subscribed(struct listing *l, const char *name)
{
	if (share_visible(l->s, name))
		add_shared(l, mem_strdup(name));
}

static void add_above(struct listing *l, const char *name)
{
	struct str full = str_of(name);
	bool listed = matches(l, name);
	for (size_t i = full.n; i-- > 0;) {
		struct str up = str_head(full, i);
		if (full.p[i] == '.' && map_get(l->above, up) != unseen)
			map_set(l->above, up, listed ? there : unseen);
	}
}

/* What the client has subscribed to, whether it is there or not. */
static int note_subscriptions(struct listing *l)
{
	maildir_list names = {0};
	if (maildir_subscriptions(".", &names) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		struct str full = str_of(names.v[i]);
		map_set(l->subscribed, full, there);
		add_above(l, names.v[i]);
		if (!name_folder(names.v[i]))
			add_subscribed(l, names.v[i]);
		else if ((l->rq.select & LIST_SUBSCRIBED) && !map_get(l->exists, full)) {
			map_set(l->exists, full, l);
			vec_push(&l->names, mem_strdup(names.v[i]));
		}
	}
	maildir_list_free(&names);
	return 0;
}

static int collect_folders(struct listing *l)
{
	maildir_list folders = {0};
	add_name(l, mem_strdup("INBOX"));
	if (maildir_list_folders(".", &folders) < 0)
		return -1;
	for (size_t i = 0; i < folders.n; i++)
		add_name(l, mem_printf("INBOX.%s", folders.v[i]));
	maildir_list_free(&folders);
	collect_shared(l);
	if (((l->rq.select | l->rq.ret) & LIST_SUBSCRIBED) && note_subscriptions(l) < 0)
		return -1;
	finish_names(l, true);
	return 0;
}

static int collect_subscribed(struct listing *l)
{
	maildir_list names = {0};
	if (maildir_subscriptions(".", &names) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++)
		if (name_folder(names.v[i]))
			add_name(l, mem_strdup(names.v[i]));
		else
			add_subscribed(l, names.v[i]);
	maildir_list_free(&names);
	files_list_subscribed(l->s, add_shared, l);
	/* RFC 3501, 6.3.9: with "%" the parents of subscribed folders are named too */
	finish_names(l, has_percent(l));
	return 0;
}

void cmd_list(struct session *s, struct parser *p)
{
	struct listing l = {.s = s, .verb = "LIST"};
	if (parse_sp(p) && acl_items_parse(p, &l.items) && list_parse(p, &l.rq))
		list(s, &l, collect_folders);
	else
		reply_bad(s, "Reference and mailbox pattern expected");
}

void cmd_lsub(struct session *s, struct parser *p)
{
	struct listing l = {.s = s, .verb = "LSUB"};
	if (parse_sp(p) && acl_items_parse(p, &l.items) && list_parse(p, &l.rq) && !l.rq.extended)
		list(s, &l, collect_subscribed);
	else
		reply_bad(s, "Reference and mailbox pattern expected");
}
