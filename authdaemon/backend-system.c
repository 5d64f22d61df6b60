/* The system's accounts: who they are from passwd; passwords by PAM, shadow, or passwd itself. */
#include "config.h"

#include "authdaemon/account.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>

static struct str gecos_name(struct arena *arena, const char *gecos)
{
	return arena_str(arena, str_head(str_of(gecos), strcspn(gecos ? gecos : "", ",")));
}

static void take(struct arena *arena, const struct passwd *pw, struct auth_account *a)
{
	a->name = a->sysuser = arena_str(arena, str_of(pw->pw_name));
	a->uid = pw->pw_uid;
	a->gid = pw->pw_gid;
	a->home = arena_str(arena, str_of(pw->pw_dir));
	a->fullname = gecos_name(arena, pw->pw_gecos);
}

static enum account_found lookup(
    struct accounts *s UNUSED, struct str name, const char *service UNUSED, struct account *out)
{
	char *z = arena_strz(out->arena, name);
	errno = 0;
	const struct passwd *pw = z ? getpwnam(z) : NULL;
	if (!pw) /* the manual lists the errno values that mean "not there" */
		return errno == EIO || errno == EMFILE || errno == ENFILE || errno == ENOMEM
			   ? ACCOUNT_TEMPFAIL
			   : ACCOUNT_ABSENT;
	take(out->arena, pw, &out->a);
	return ACCOUNT_FOUND;
}

static enum account_found lookup_pwd(
    struct accounts *s, struct str name, const char *service, struct account *out)
{
	enum account_found r = lookup(s, name, service, out);
	const struct passwd *pw = r == ACCOUNT_FOUND ? getpwuid(out->a.uid) : NULL;
	if (pw)
		out->stored = arena_str(out->arena, str_of(pw->pw_passwd));
	return r;
}

static int each(struct accounts *s UNUSED, account_listed fn, void *ctx)
{
	struct arena *arena = arena_new(ACCOUNT_ARENA_MAX);
	const struct passwd *pw;
	int r = 0;
	setpwent();
	while (r == 0 && arena && (pw = getpwent())) {
		struct auth_account a = {0};
		take(arena, pw, &a);
		r = fn(ctx, &a);
		arena_reset(arena);
	}
	endpwent();
	arena_free(arena);
	return r;
}

#ifdef HAVE_PAM
const struct backend backend_pam = {
    .name = "authpam", .lookup = lookup, .each = each, .check = HELPER_PAM};
#endif
const struct backend backend_shadow = {
    .name = "authshadow", .lookup = lookup, .each = each, .check = HELPER_SHADOW};
const struct backend backend_pwd = {.name = "authpwd", .lookup = lookup_pwd, .each = each};
