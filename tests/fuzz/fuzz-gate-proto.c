/* Frames between the gate and its clients: what decodes is encoded to the same bytes again. */
#include "config.h"

#include "gate/gate-proto.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same(struct str body, const struct buf *b, bool encoded)
{
	if (!encoded || !str_eq(body, buf_str(b)))
		abort();
}

static void try_mail(struct str body, struct buf *b)
{
	struct gate_mail_frame f;
	char with[GATE_ADDRESS_MAX + 1];
	if (!gate_decode_mail(body, &f) || (f.with.n && memchr(f.with.p, 0, f.with.n)))
		return;
	memcpy(with, f.with.n ? f.with.p : "", f.with.n);
	with[f.with.n] = 0;
	f.mail.with = with;
	same(body, b, gate_encode_mail(b, &f.mail));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gate_open_frame o;
	struct gate_rcpt r;
	struct gate_policy p;
	struct gate_reply reply;
	struct str address, mechanism, body = str_at(data + (size > 0), size - (size > 0));
	struct buf b;
	bool expand;
	if (size == 0)
		return 0;
	buf_init(&b, GATE_FRAME_MAX + 1024);
	gate_decode_open(body, &o);
	if (gate_decode_auth(body, &address, &mechanism)) {
		same(body, &b, gate_encode_auth(&b, address, mechanism));
		buf_clear(&b);
	}
	switch (data[0] % 5) {
	case 0:
		try_mail(body, &b);
		break;
	case 1:
		if (gate_decode_rcpt(body, &r))
			same(body, &b, gate_encode_rcpt(&b, &r));
		break;
	case 2:
		if (gate_decode_name(body, &address))
			same(body, &b, gate_encode_name(&b, address));
		buf_clear(&b);
		if (gate_decode_vrfy(body, &address, &expand))
			same(body, &b, gate_encode_vrfy(&b, address, expand));
		break;
	case 3:
		if (gate_decode_policy(body, &p))
			same(body, &b, gate_encode_policy(&b, &p));
		break;
	default:
		if (gate_decode_reply(body, &reply))
			same(body, &b, gate_encode_reply(&b, &reply));
	}
	buf_free(&b);
	return 0;
}
