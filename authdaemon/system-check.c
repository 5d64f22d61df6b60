/* Is this the password of that system user?  Runs in a child of the helper that ends afterwards. */
#include "config.h"

#include "authdaemon/helper.h"
#include "sasl/password.h"

#include <errno.h>
#include <shadow.h>
#include <stdlib.h>
#ifdef HAVE_PAM
#include <security/pam_appl.h>
#endif

enum { RIGHT, WRONG, CANNOT_TELL };

#ifdef HAVE_PAM
/* Every question that is not to be echoed is the one for the password. */
static int converse(
    int n, const struct pam_message **ask, struct pam_response **out, void *password)
{
	if (n <= 0 || n > PAM_MAX_NUM_MSG)
		return PAM_CONV_ERR;
	struct pam_response *r = calloc((size_t)n, sizeof *r); /* PAM frees it */
	if (!r)
		return PAM_BUF_ERR;
	for (int i = 0; i < n; i++)
		if (ask[i]->msg_style == PAM_PROMPT_ECHO_OFF)
			r[i].resp = strdup(password);
	*out = r;
	return PAM_SUCCESS;
}

/* authdaemond itself sees to it that a refusal takes its time. */
static void no_delay(int result UNUSED, unsigned usec UNUSED, void *ctx UNUSED) {}

static int verdict_of(int code, const char *service, const char *text)
{
	switch (code) {
	case PAM_SUCCESS:
		return RIGHT;
	case PAM_AUTH_ERR:
	case PAM_USER_UNKNOWN:
	case PAM_MAXTRIES:
	case PAM_ACCT_EXPIRED:
	case PAM_CRED_EXPIRED:
	case PAM_NEW_AUTHTOK_REQD:
	case PAM_PERM_DENIED:
		return WRONG;
	default:
		log_error(NULL, "PAM service '%s': %s", service, text);
		return CANNOT_TELL;
	}
}

static int pam_check(const char *service, const char *user, const char *password, const char *peer)
{
	struct pam_conv conv = {converse, (void *)(uintptr_t)password};
	pam_handle_t *h = NULL;
	int code = pam_start(service, user, &conv, &h);
	if (code != PAM_SUCCESS) {
		log_error(NULL, "cannot start PAM service '%s'", service);
		return CANNOT_TELL;
	}
	pam_set_item(h, PAM_FAIL_DELAY, (void *)(uintptr_t)no_delay);
	if (peer[0])
		pam_set_item(h, PAM_RHOST, peer);
	code = pam_authenticate(h, PAM_SILENT);
	if (code == PAM_SUCCESS)
		code = pam_acct_mgmt(h, PAM_SILENT);
	int verdict = verdict_of(code, service, pam_strerror(h, code));
	pam_end(h, code);
	return verdict;
}
#endif

static int shadow_check(const char *user, const char *password)
{
	errno = 0;
	const struct spwd *sp = getspnam(user);
	if (!sp)
		return errno == EACCES || errno == EIO || errno == EMFILE ? CANNOT_TELL : WRONG;
	int64_t today = clock_now() / 86400;
	if (sp->sp_expire > 0 && today >= sp->sp_expire)
		return WRONG;
	if (sp->sp_max >= 0 && sp->sp_inact >= 0 && sp->sp_lstchg > 0 &&
	    today > sp->sp_lstchg + sp->sp_max + sp->sp_inact)
		return WRONG;
	return password_verify(str_of(sp->sp_pwdp), str_of(password)) == PASSWORD_RIGHT ? RIGHT
											: WRONG;
}

int system_check(enum helper_kind kind, const char *service UNUSED, const char *user,
    const char *password, const char *peer UNUSED)
{
#ifdef HAVE_PAM
	if (kind == HELPER_PAM)
		return pam_check(service, user, password, peer);
#endif
	return kind == HELPER_SHADOW ? shadow_check(user, password) : CANNOT_TELL;
}
