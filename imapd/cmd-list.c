/* LIST and LSUB. */
#include "config.h"

#include "imapd/list-match.h"
#include "imapd/session.h"
#include "unicode/unicode.h"

#include <errno.h>
#include <stdlib.h>

/* One listing: names in order, each a folder or only the parent of some. */
struct listing {
	struct session *s;
	const char *verb; /* "LIST" */
	struct str pattern;
	struct map *exists, *parents; /* by full name */
	maildir_list names;
};

static char there[1]; /* a value for maps that only know "is in it" */

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

static void listing_free(struct listing *l)
{
	map_free(l->exists, NULL);
	map_free(l->parents, NULL);
	maildir_list_free(&l->names);
}

/* "Folder:Use,..." of the settings; Trash has a setting of its own. */
static bool special_use(struct session *s, const char *folder, struct str *use)
{
	struct str rest = str_of(s->cfg.special_use), item, name;
	*use = STR("Trash");
	if (strcmp(folder, s->cfg.trash) == 0)
		return true;
	while (str_split(&rest, ',', &item))
		if (str_split(&item, ':', &name) && str_is(name, folder) && item.n) {
			*use = item;
			return true;
		}
	return false;
}

static void put_marked(struct session *s, const char *name, const char *folder)
{
	if (*folder && !s->cfg.check_all_folders)
		return;
	const char *dir = name_dir(s, name);
	io_putz(&s->io, dir && maildir_has_new(dir) ? "\\Marked " : "\\UnMarked ");
}

static void put_line(struct listing *l, const char *name)
{
	struct session *s = l->s;
	const char *folder = name_folder(name);
	struct str use;
	bool real = folder && map_get(l->exists, str_of(name)) == there;
	io_putf(&s->io, "* %s (", l->verb);
	if (!real)
		io_putz(&s->io, "\\Noselect ");
	else if (l->verb[1] == 'I')
		put_marked(s, name, folder);
	if (real && *folder && special_use(s, folder, &use))
		io_putf(&s->io, "\\%.*s ", STR_FMT(use));
	bool children = map_get(l->parents, str_of(name));
	io_putz(&s->io, children                         ? "\\HasChildren"
			: s->cfg.obsolete_client && real ? "\\NoInferiors"
							 : "\\HasNoChildren");
	io_putz(&s->io, ") \".\" ");
	put_name(s, name);
	io_putz(&s->io, "\r\n");
}

static void put_matching(struct listing *l)
{
	for (size_t i = 0; i < l->names.n; i++)
		if (list_match(l->pattern, str_of(l->names.v[i])))
			put_line(l, l->names.v[i]);
}

static bool decode(struct session *s, struct str in, struct buf *out)
{
	return s->utf8 ? utf8_valid(in) && buf_adds(out, in) : utf7_imap_decode(in, out);
}

/* Reference and pattern joined, in UTF-8, INBOX in capitals. */
static bool arguments(struct session *s, struct parser *p, struct str *pattern, bool *root)
{
	struct str reference, wild;
	struct buf b;
	if (!parse_sp(p) || !parse_astring(p, &reference) || !parse_sp(p) ||
	    !parse_list_mailbox(p, &wild) || !parse_end(p)) {
		reply_bad(s, "Reference and mailbox pattern expected");
		return false;
	}
	*root = wild.n == 0;
	buf_init(&b, LIST_PATTERN_MAX);
	bool ok = decode(s, reference, &b) && decode(s, wild, &b);
	if (ok && b.n >= 5 && str_iis(str_head(buf_str(&b), 5), "INBOX"))
		memcpy(b.p, "INBOX", 5);
	*pattern = ok ? arena_str(s->arena, buf_str(&b)) : STR_NONE;
	buf_free(&b);
	if (!ok)
		reply_no(s, "[CANNOT] Mailbox pattern is not valid");
	return ok;
}

static void list(
    struct session *s, struct parser *p, const char *verb, int (*collect)(struct listing *l))
{
	struct listing l = {.s = s, .verb = verb};
	bool root;
	if (!arguments(s, p, &l.pattern, &root))
		return;
	if (root) {
		io_putf(&s->io, "* %s (\\Noselect) \".\" \"\"\r\n", verb);
		reply_ok(s, "%s completed", verb);
		return;
	}
	l.exists = map_new();
	l.parents = map_new();
	if (collect(&l) < 0) {
		reply_errno(s, "Cannot list the mailboxes");
	} else {
		put_matching(&l);
		reply_ok(s, "%s completed", verb);
	}
	listing_free(&l);
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
	finish_names(l, true);
	return 0;
}

static int collect_subscribed(struct listing *l)
{
	maildir_list names = {0};
	if (maildir_subscriptions(".", &names) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++)
		add_name(l, mem_strdup(names.v[i]));
	maildir_list_free(&names);
	/* RFC 3501, 6.3.9: with "%" the parents of subscribed folders are named too */
	finish_names(l, str_chr(l->pattern, '%') >= 0);
	return 0;
}

void cmd_list(struct session *s, struct parser *p)
{
	list(s, p, "LIST", collect_folders);
}

void cmd_lsub(struct session *s, struct parser *p)
{
	list(s, p, "LSUB", collect_subscribed);
}
