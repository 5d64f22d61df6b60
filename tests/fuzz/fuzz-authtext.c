/* Requests on authdaemond's socket from anybody. */
#include "config.h"

#include "authdaemon/text-request.h"

#include <stdlib.h>

static void check_view(struct str in, struct str view)
{
	if (view.n && (view.p < in.p || view.p + view.n > in.p + in.n))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = str_at(data, size);
	struct text_request r, part;
	if (text_parse(in, &r) != 1)
		return 0;
	const struct str views[] = {r.module, r.service, r.user, r.type, r.password, r.new_password,
	    r.challenge, r.response, r.peer};
	for (size_t i = 0; i < ARRAY_LEN(views); i++)
		check_view(in, views[i]);
	/* a request of lines is not whole before its last byte is there */
	for (size_t n = 0; r.kind != TEXT_AUTH && n < in.n; n++)
		if (text_parse(str_head(in, n), &part) != 0)
			abort();
	if (r.kind == TEXT_PASSWD && (str_has_ctl(r.new_password) || !r.new_password.n))
		abort();
	return 0;
}
