/* Who is it that sends? */
#include "config.h"

#include "submit/sendmail.h"
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

/* The first of these variables that is set and usable in a header. */
static struct str first_of(const char *const *names)
{
	for (; *names; names++) {
		struct str v = str_of(getenv(*names));
		if (v.n && v.n < 256 && !str_has_ctl(v))
			return v;
	}
	return STR_NONE;
}

/* "&" in the GECOS field stands for the account's name with a capital. */
static struct str real_name(struct arena *a, const struct passwd *pw)
{
	struct str gecos = str_of(pw->pw_gecos), name;
	ptrdiff_t comma = str_chr(gecos, ',');
	if (comma >= 0)
		gecos = str_head(gecos, (size_t)comma);
	ptrdiff_t amp = str_chr(gecos, '&');
	if (amp < 0)
		return arena_str(a, gecos);
	char *z = arena_printf(a, "%.*s%s%.*s", (int)amp, gecos.p, pw->pw_name,
	    STR_FMT(str_skip(gecos, (size_t)amp + 1)));
	if (z && z[amp])
		z[amp] = (char)ascii_upper((unsigned char)z[amp]);
	name = str_of(z);
	return name;
}

void sendmail_find_user(struct arena *a, struct str me, struct sendmail_user *out)
{
	static const char *const senders[] = {
	    "MAILSUSER", "MAILUSER", "LOGNAME", "LOGUSER", "USER", NULL};
	static const char *const hosts[] = {"MAILSHOST", "MAILHOST", NULL};
	static const char *const from_users[] = {"MAILUSER", "LOGNAME", "USER", NULL};
	static const char *const from_hosts[] = {"MAILHOST", NULL};
	static const char *const names[] = {"MAILNAME", "NAME", NULL};
	static const char *const force_users[] = {"MAILUSER", NULL};
	const struct passwd *pw = getpwuid(getuid());
	struct str account = pw ? arena_str(a, str_of(pw->pw_name))
				: str_of(arena_printf(a, "uid%lu", (unsigned long)getuid()));
	struct str gecos = pw ? real_name(a, pw) : STR_NONE;
	*out = (struct sendmail_user){
	    .user = first_of(senders),
	    .host = first_of(hosts),
	    .from_user = first_of(from_users),
	    .from_host = first_of(from_hosts),
	    .name = first_of(names),
	    .force_user = first_of(force_users),
	    .force_host = first_of(from_hosts),
	    .force_name = first_of(names),
	};
	if (out->user.n == 0)
		out->user = account;
	if (out->host.n == 0)
		out->host = me;
	if (out->from_user.n == 0)
		out->from_user = account;
	if (out->name.n == 0 && !str_has_ctl(gecos))
		out->name = gecos;
}
