/* mailbot: to whom an answer is due (RFC 3834, sections 2 and 4). */
#include "config.h"

#include "maildrop/mailbot.h"

static struct str value(struct arena *a, struct str header, const char *name)
{
	struct header_field f;
	return header_find(header, name, &f) ? str_trim(header_unfold(a, f.body)) : STR_NONE;
}

static bool from_a_list(struct str header)
{
	struct header_field f;
	while (header_next(&header, &f))
		if (str_istarts(f.name, STR("List-")))
			return true;
	return false;
}

static bool null_path(struct str s)
{
	return str_is(s, "<>") || (s.p && !s.n);
}

static bool holds(struct arena *a, struct str header, const char *field, const struct mailaddr *m)
{
	struct header_field f;
	struct mailaddr_list list;
	while (header_next_named(&header, field, &f)) {
		if (mailaddr_parse(a, f.body, MAILADDR_MAX_DEFAULT, &list) < 0)
			return false;
		for (const struct mailaddr *x = list.first; x; x = x->next)
			if (x->kind == MAILADDR_MAILBOX && str_ieq(x->local, m->local) &&
			    str_ieq(x->domain, m->domain))
				return true;
	}
	return false;
}

static bool addressed(struct arena *a, struct str header, const char *required)
{
	struct mailaddr_list list;
	if (mailaddr_parse(a, str_of(required), MAILADDR_MAX_DEFAULT, &list) < 0)
		return false;
	for (const struct mailaddr *m = list.first; m; m = m->next)
		if (m->kind == MAILADDR_MAILBOX &&
		    (holds(a, header, "To", m) || holds(a, header, "Cc", m)))
			return true;
	return false;
}

const char *mailbot_silent(struct arena *a, struct str header, const struct mime_part *root,
    const char *sender, const char *required)
{
	struct str precedence = value(a, header, "Precedence");
	struct str automatic = value(a, header, "Auto-Submitted");
	if (str_iis(precedence, "junk") || str_iis(precedence, "bulk") ||
	    str_iis(precedence, "list"))
		return "bulk mail";
	if (from_a_list(header))
		return "mail from a list";
	if (automatic.n && !str_istarts(automatic, STR("no")))
		return "mail made by a program";
	if (str_is(root->type, "multipart") && str_is(root->subtype, "report"))
		return "a report";
	if ((sender && null_path(str_of(sender))) || str_is(value(a, header, "Return-Path"), "<>"))
		return "no sender";
	if (required && !addressed(a, header, required))
		return "none of the addresses";
	return NULL;
}

struct str mailbot_answer_to(struct arena *a, struct str header, bool prefer_errors_to)
{
	static const char *const names[] = {"Errors-To", "Return-Path", "Reply-To", "From"};
	for (size_t i = prefer_errors_to ? 0 : 2; i < ARRAY_LEN(names); i++) {
		struct str v = value(a, header, names[i]);
		if (v.n && !str_is(v, "<>"))
			return v;
	}
	return STR_NONE;
}
