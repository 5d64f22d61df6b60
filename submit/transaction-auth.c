/*
 * Who a client of esmtpd is: a one-time ticket, which esmtpd has got from authdaemond for a right
 * password, goes back to authdaemond for the account.  So what a login may do hangs on
 * authdaemond's word, and an esmtpd that somebody has taken over can be nobody whose password it
 * has not heard.
 */
#include "submit/transaction.h"

enum { MECHANISM_MAX = 32 };

static void forget(struct transaction *t)
{
	if (t->redeeming)
		auth_cancel(t->gate->auth, t->redeeming);
	t->redeeming = 0;
	t->login = t->mechanism = STR_NONE;
}

static void on_account(void *ctx, enum auth_verdict v, const struct auth_account *a)
{
	struct transaction *t = ctx;
	t->redeeming = 0;
	if (v == AUTH_OK)
		t->login = arena_str(t->arena, a->name);
	if (t->login.n) {
		transaction_say(t, REPLY_OK);
		return;
	}
	forget(t);
	if (v == AUTH_NO)
		log_warning(NULL,
		    "login,relay=%.*s: a ticket is unknown, too old or somebody else's",
		    STR_FMT(t->origin.remote_ip));
	transaction_say(t, v == AUTH_OK ? REPLY_NO_MEMORY : REPLY_AUTH_DOWN);
}

/* It stands in Received. */
static bool is_mechanism(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_alnum((unsigned char)s.p[i]) && s.p[i] != '-' && s.p[i] != '_')
			return false;
	return s.n <= MECHANISM_MAX;
}

void transaction_auth(struct transaction *t, struct str ticket, struct str mechanism)
{
	if (t->message) {
		transaction_say(t, REPLY_BAD_SEQUENCE);
		return;
	}
	forget(t);
	if (ticket.n == 0) {
		transaction_say(t, REPLY_OK);
		return;
	}
	t->mechanism = is_mechanism(mechanism) ? arena_str(t->arena, mechanism) : STR_NONE;
	t->redeeming = auth_redeem(t->gate->auth, ticket, on_account, t);
}

void transaction_forget_login(struct transaction *t)
{
	forget(t);
}

/* esmtpd's word for a login is its ticket (transaction-auth.c). */
struct str transaction_login(const struct transaction *t, const struct gate_mail *m)
{
	if (t->from_program)
		return STR_NONE;
	return t->from_network && !t->proxy ? t->login : m->login;
}

/* "MECHANISM name", for Received. */
struct str transaction_login_text(const struct transaction *t)
{
	struct message *m = t->message;
	char *z;
	if (m->mail.login.n == 0 || t->mechanism.n == 0)
		return m->mail.login;
	z = arena_printf(m->arena, "%.*s %.*s", STR_FMT(t->mechanism), STR_FMT(m->mail.login));
	return z ? str_of(z) : m->mail.login;
}

/* What the front end says of its client.  What a client may do is not esmtpd's to say. */
void transaction_add_said(struct transaction *t)
{
	struct str rest = t->origin.env, line;
	while (rest.n && str_split(&rest, '\n', &line)) {
		struct str name = str_head(line, (size_t)(str_chr(line, '=') + 1));
		bool power = str_is(name, "RELAYCLIENT=") || str_is(name, "FAXRELAYCLIENT=") ||
			     str_is(name, "AUTH_SENDER=") || name.n == 0;
		if (t->proxy || !power)
			buf_addf(&t->env, "%.*s\n", STR_FMT(line));
	}
}
