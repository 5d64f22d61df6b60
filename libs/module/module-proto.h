/*
 * libs/module: the protocol between scheduler and modules, one page, both directions.
 *
 * Frames are libs/ipc frames; the body of each is text: lines `name TAB value LF`, value in
 * field_encode form (base/codec.h).  Numbers are decimal; flags are lines with the value "1" that
 *are left out when false; empty values may be left out.  Unknown names are ignored by both sides.
 *
 * MODULE_FRAME_DELIVER, scheduler to module; the frame's id is 0:
 *	delivery N        names it; unique while the scheduler lives
 *	id QUEUEID        sender ADDR       host KEY         envid TEXT       ret F|H
 *	body8 headers8 smtputf8 verp durable-elsewhere requiretls tls-optional by-trace   (flags)
 *	by SECONDS        by-mode R|N       to be delivered by then (RFC 2852)
 *	release SECONDS   it was held until then (RFC 4865)
 *	vhost KEY         login NAME        source WORD      security LEVEL
 *	arrived SECONDS   expires SECONDS   size BYTES
 *	extra TEXT        the dsn module's history (dsn/dsn-history.h)
 *	rcpt NUM TAB ADDRESS TAB ORCPT TAB NOTIFY            one line a recipient; the fields are
 *encoded one by one; NOTIFY is the decimal sum of GATE_NOTIFY_*.  Two more may follow: TAB PLACE
 *TAB 0|1, see module.h (place, doubt)
 *	inline BYTES      the message follows the empty line offset BYTES      the message is in the
 *descriptor that comes with the frame, `size` bytes at offset (an empty line, then the message if
 *it is inline)
 *
 * MODULE_FRAME_RESULT, module to scheduler: one for each recipient
 *	delivery N        rcpt NUM          outcome delivered|relayed|deferred|failed
 *	code 550          status 5.1.1      diagnostic TEXT  remote TEXT      command TEXT
 *	peer-dsn connection untracked no-reports      (flags)
 *	place TEXT        delivered, but not synced yet: MODULE_FRAME_SYNCED follows
 *	done 1            the delivery is over with this result (saves the next frame)
 *
 * MODULE_FRAME_DONE, module to scheduler: delivery N.  Recipients without a result are deferred.
 *
 * MODULE_FRAME_SYNCED, module to scheduler, after the result:
 *	synced QUEUEID TAB NUM              one line a recipient whose place is on the disk
 *	unsure QUEUEID TAB NUM              ... is to be looked at again
 *	failed QUEUEID TAB NUM              ... and may not be what was written
 *
 * MODULE_FRAME_LEAVING, empty, module to scheduler: a successor serves; what was begun is finished.
 * The scheduler asks for an edge to that one and says the same, behind the last delivery it sent.
 */
#ifndef COURIER_MODULE_PROTO_H
#define COURIER_MODULE_PROTO_H

#include "module/module.h"

enum {
	MODULE_FRAME_DELIVER = 0x301,
	MODULE_FRAME_RESULT = 0x302,
	MODULE_FRAME_DONE = 0x303,
	MODULE_FRAME_SYNCED = 0x304,
	MODULE_FRAME_LEAVING = 0x307
};
enum { MODULE_RCPTS_MAX = 4096, MODULE_TEXT_MAX = 120 * 1024 };

/* The lines of a delivery, up to and with the empty line.  inline_size: -1 for a descriptor at
 * `offset`.  false: it does not fit. */
bool module_encode_delivery(
    const struct module_delivery *d, int64_t inline_size, uint64_t offset, struct buf *out);
/* Strings live in the arena or in text.  *body: the inline message, or .p NULL and *offset.
 * -1: not understood. */
int module_decode_delivery(struct str text, struct arena *a, struct module_delivery *d,
    struct str *body, uint64_t *offset);

bool module_encode_result(
    uint64_t delid, uint32_t num, const struct module_result *r, bool done, struct buf *out);
int module_decode_result(struct str text, struct arena *a, uint64_t *delid, uint32_t *num,
    struct module_result *r, bool *done);
bool module_encode_done(uint64_t delid, struct buf *out);
/* -1: not understood. */
bool module_encode_synced(
    const struct module_owed *v, size_t n, enum module_sync how, struct buf *out);
int module_decode_synced(struct str text,
    void (*each)(void *ctx, struct str id, uint32_t num, enum module_sync how), void *ctx);
int module_decode_done(struct str text, uint64_t *delid);

#endif
