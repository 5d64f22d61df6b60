/* Other people's Maildirs: what there are, and the names of what may be seen in them. */
#include "config.h"

#include "imapd/share-private.h"
#include "unicode/unicode.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { SHARABLES_MAX = 1000, SHARABLES_FILE_MAX = 1 << 20 };

static bool option(const char *options, const char *name, struct str *value)
{
	struct str rest = str_of(options), item, key;
	while (str_split(&rest, ',', &item))
		if (str_split(&item, '=', &key) && str_is(str_trim(key), name)) {
			*value = str_trim(item);
			return true;
		}
	return false;
}

static bool is_own(const char *path)
{
	struct stat here, there;
	return stat(".", &here) < 0 || stat(path, &there) < 0 ||
	       (here.st_dev == there.st_dev && here.st_ino == there.st_ino);
}

/* What is not here is silently not here: one index may serve several hosts. */
static bool reachable(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode) && access(path, X_OK) == 0;
}

static void take_accounts(struct share *sh, maildir_shared_list *all)
{
	for (size_t i = 0; i < all->n; i++) {
		struct maildir_shared one = all->v[i];
		struct str name = str_of(one.name);
		if (!utf8_valid(name) || map_get(sh->by_name, name) || !reachable(one.maildir) ||
		    is_own(one.maildir)) {
			free(one.name);
			free(one.maildir);
			continue;
		}
		vec_push(&sh->accounts, one);
		map_set(sh->by_name, name, one.maildir);
	}
	vec_free(all);
}

static void open_index(
    struct share *sh, const struct settings *cfg, const struct instance *in, const char *options)
{
	struct str value;
	maildir_shared_list all = {0};
	if (option(options, "disableshared", &value) && value.n && !str_is(value, "0"))
		return;
	if (!option(options, "sharedgroup", &value))
		value = STR("");
	if (str_chr(value, '/') >= 0 || str_has_ctl(value))
		return;
	/* never from the Maildir, which is where the session stands */
	const char *name = *cfg->shared_index ? cfg->shared_index : "shared/index";
	char *file = name[0] == '/' ? mem_printf("%s%.*s", name, STR_FMT(value))
				    : mem_printf("%s/%s%.*s", in->etc, name, STR_FMT(value));
	/* no index: nothing is shared */
	if (maildir_index_load(file, cfg->shared_escapes, &all) < 0 && errno != ENOENT)
		log_warning(NULL,
		    "cannot read the index of shared folders '%s': %m; it must be readable for all",
		    file);
	free(file);
	take_accounts(sh, &all);
}

/* A sharable Maildir is one that its owner has opened for others; a plain one is not, whoever names
 * it. */
static bool sharable(const char *path)
{
	struct stat st;
	return path[0] == '/' && stat(path, &st) == 0 && S_ISDIR(st.st_mode) &&
	       ((st.st_mode & 055) == 055 || (st.st_mode & 055) == 050) && maildir_exists(path);
}

static bool inside(const char *path, const char *folder)
{
	char *above = realpath(folder, NULL);
	size_t n = above ? strlen(above) : 0;
	bool yes = n && strncmp(path, above, n) == 0 && (path[n] == '/' || !path[n]);
	free(above);
	return yes;
}

/* Where the path leads now, for good: a symbolic link of it may lead elsewhere as soon as it has
 * been looked at.  What lies where sessions write could be exchanged as a whole, and is none. */
static char *settled(const struct share *sh, struct str path)
{
	char *said = mem_strndup(path.p, path.n);
	char *real = said[0] == '/' ? realpath(said, NULL) : NULL;
	bool theirs = !real || !sharable(real) || inside(real, ".");
	for (size_t i = 0; !theirs && i < sh->accounts.n; i++)
		theirs = inside(real, sh->accounts.v[i].maildir);
	free(said);
	if (!theirs)
		return real;
	free(real);
	return NULL;
}

static void add_sharables(struct share *sh, const char *file)
{
	struct buf text;
	struct str rest, line, nick;
	buf_init(&text, SHARABLES_FILE_MAX);
	rest = file_read(AT_FDCWD, file, &text) == 0 ? buf_str(&text) : STR("");
	while (str_split(&rest, '\n', &line)) {
		line = str_trim(line);
		if (line.n == 0 || line.p[0] == '#' || !str_word(&line, &nick) ||
		    str_chr(nick, '.') >= 0 || !maildir_folder_ok(nick) ||
		    sh->sharables.n >= SHARABLES_MAX)
			continue;
		char *path = utf8_valid(nick) && !share_sharable(sh, nick)
				 ? settled(sh, str_trim(line))
				 : NULL;
		if (path)
			vec_push(&sh->sharables,
			    ((struct maildir_shared){mem_strndup(nick.p, nick.n), path}));
	}
	buf_free(&text);
}

const char *share_sharable(const struct share *sh, struct str nick)
{
	for (size_t i = 0; sh && i < sh->sharables.n; i++)
		if (str_is(nick, sh->sharables.v[i].name))
			return sh->sharables.v[i].maildir;
	return NULL;
}

struct share *share_open(
    const struct settings *cfg, const struct instance *in, const char *user, const char *options)
{
	struct share *sh = mem_new(struct share);
	sh->by_name = map_new();
	sh->options = mem_strdup(options ? options : "");
	maildir_identity_parse(
	    str_of(user ? user : ""), str_of(sh->options), &sh->who, sh->room, sizeof sh->room);
	open_index(sh, cfg, in, sh->options);
	add_sharables(sh, "shared-maildirs");
	char *file = instance_path(in->etc, "maildirshared");
	add_sharables(sh, file);
	free(file);
	return sh;
}

void share_close(struct share **shp)
{
	struct share *sh = *shp;
	if (!sh)
		return;
	map_free(sh->by_name, NULL);
	maildir_index_free(&sh->accounts);
	maildir_index_free(&sh->sharables);
	free(sh->options);
	free(sh);
	*shp = NULL;
}

void share_paths(const struct share *sh, maildir_list *out)
{
	for (size_t i = 0; i < sh->accounts.n; i++)
		vec_push(out, mem_strdup(sh->accounts.v[i].maildir));
	for (size_t i = 0; i < sh->sharables.n; i++)
		vec_push(out, mem_strdup(sh->sharables.v[i].maildir));
}

/* ---- names for LIST ---- */

static void list_visible(struct session *s, share_name_fn *name, void *ctx, char *full)
{
	if (share_visible(s, full))
		name(ctx, full);
	else
		free(full);
}

static void list_account(
    struct session *s, const struct maildir_shared *a, share_name_fn *name, void *ctx)
{
	maildir_list folders = {0};
	list_visible(s, name, ctx, mem_printf("#shared.%s", a->name));
	if (maildir_list_folders(a->maildir, &folders) == 0)
		for (size_t i = 0; i < folders.n; i++)
			list_visible(
			    s, name, ctx, mem_printf("#shared.%s.%s", a->name, folders.v[i]));
	maildir_list_free(&folders);
}

static void list_sharable(
    struct session *s, const struct maildir_shared *a, share_name_fn *name, void *ctx)
{
	maildir_list folders = {0};
	if (maildir_list_folders(a->maildir, &folders) == 0)
		for (size_t i = 0; i < folders.n; i++)
			list_visible(
			    s, name, ctx, mem_printf("shared.%s.%s", a->name, folders.v[i]));
	maildir_list_free(&folders);
}

/* Can a name that begins with `full` begin with `literal` too? */
static bool may_match(struct str literal, const char *before, const char *name)
{
	char *text = mem_printf("%s%s", before, name);
	struct str full = str_of(text);
	size_t n = full.n < literal.n ? full.n : literal.n;
	bool yes = str_eq(str_head(full, n), str_head(literal, n));
	free(text);
	return yes;
}

void share_list(struct session *s, struct str pattern, share_name_fn *name, void *ctx)
{
	struct share *sh = s->share;
	size_t n = 0;
	while (n < pattern.n && pattern.p[n] != '*' && pattern.p[n] != '%')
		n++;
	pattern = str_head(pattern, n);
	/* what is below the two other name spaces shows only to who asks for them */
	if (!sh || n == 0)
		return;
	for (size_t i = 0; i < sh->accounts.n; i++)
		if (may_match(pattern, "#shared.", sh->accounts.v[i].name))
			list_account(s, &sh->accounts.v[i], name, ctx);
	for (size_t i = 0; i < sh->sharables.n; i++)
		if (may_match(pattern, "shared.", sh->sharables.v[i].name))
			list_sharable(s, &sh->sharables.v[i], name, ctx);
}
