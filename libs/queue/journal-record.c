#include "config.h"

#include "queue/journal-record.h"

#define MAGIC_RECORD  0x4c4e524aU
#define MAGIC_SEGMENT 0x31474553524e4c4aULL

/* The bytes of a head, in the order of this structure; the machine's own byte order: a queue does
 * not travel, and the magic tells. */
struct head {
	uint32_t magic, crc, segment, group;
	uint64_t id;
	uint32_t length, aux;
	uint8_t type, flags, zero[6];
};
_Static_assert(sizeof(struct head) == JOURNAL_HEAD, "head has no padding");

struct segment_head {
	uint64_t magic, size;
	uint32_t segment, crc, zero[2];
};
_Static_assert(sizeof(struct segment_head) == JOURNAL_SEGMENT_HEAD, "segment head has no padding");

enum { CRC_FROM = 8 };

static uint32_t checksum(const struct head *h, struct str payload)
{
	uint32_t c = crc32c(0, (const char *)h + CRC_FROM, sizeof *h - CRC_FROM);
	return payload.n ? crc32c(c, payload.p, payload.n) : c;
}

void journal_head(char head[JOURNAL_HEAD], const struct journal_record *r, size_t length)
{
	struct head h = {.magic = MAGIC_RECORD,
	    .id = r->id,
	    .length = (uint32_t)length,
	    .aux = r->aux,
	    .type = r->type};
	memcpy(head, &h, sizeof h);
}

void journal_head_group(
    char head[JOURNAL_HEAD], uint32_t segment, uint32_t group, uint8_t flags, struct str payload)
{
	struct head h;
	memcpy(&h, head, sizeof h);
	h.segment = segment;
	h.group = group;
	h.flags = flags;
	h.crc = checksum(&h, payload);
	memcpy(head, &h, sizeof h);
}

void journal_segment_head(char out[JOURNAL_SEGMENT_HEAD], uint32_t segment, uint64_t size)
{
	struct segment_head h = {.magic = MAGIC_SEGMENT, .size = size, .segment = segment};
	h.crc = crc32c(0, &h, offsetof(struct segment_head, crc));
	memcpy(out, &h, sizeof h);
}

bool journal_segment_check(struct str bytes, uint32_t segment)
{
	struct segment_head h;
	if (bytes.n < JOURNAL_START)
		return false;
	memcpy(&h, bytes.p, sizeof h);
	return h.magic == MAGIC_SEGMENT && h.segment == segment &&
	       h.crc == crc32c(0, &h, offsetof(struct segment_head, crc));
}

static bool record_at(struct str bytes, uint32_t segment, size_t at, struct journal_record *r)
{
	struct head h;
	if (at > bytes.n || bytes.n - at < sizeof h)
		return false;
	memcpy(&h, bytes.p + at, sizeof h);
	if (h.magic != MAGIC_RECORD || h.segment != segment || h.length > JOURNAL_PAYLOAD_MAX ||
	    h.length > bytes.n - at - sizeof h || h.type < JOURNAL_MESSAGE ||
	    h.type > JOURNAL_MOVED)
		return false;
	struct str payload = {bytes.p + at + sizeof h, h.length};
	if (h.crc != checksum(&h, payload))
		return false;
	*r = (struct journal_record){.type = h.type,
	    .flags = h.flags,
	    .group = h.group,
	    .aux = h.aux,
	    .id = h.id,
	    .payload = payload,
	    .at = at};
	return (h.type != JOURNAL_MESSAGE && h.type != JOURNAL_REFERENCE) || h.aux <= h.length;
}

/* The next valid record at or after *at; *gap: bytes that had to be skipped before it. */
static bool next_record(
    struct str bytes, uint32_t segment, size_t *at, struct journal_record *r, size_t *gap)
{
	size_t from = *at;
	for (size_t p = from; p < bytes.n && bytes.n - p >= JOURNAL_HEAD; p += 8)
		if (record_at(bytes, segment, p, r)) {
			*gap = p - from;
			*at = p + journal_padded(JOURNAL_HEAD + r->payload.n);
			return true;
		}
	return false;
}

/* Looks through the segment: the number of its last group, and whether that is whole. */
static uint32_t last_group(struct str bytes, uint32_t segment, bool *whole)
{
	struct journal_record r;
	size_t at = JOURNAL_START, gap;
	uint32_t group = 0;
	bool broken = true;
	*whole = false;
	while (next_record(bytes, segment, &at, &r, &gap)) {
		if (r.group != group || (r.flags & JOURNAL_FIRST)) {
			group = r.group;
			broken = !(r.flags & JOURNAL_FIRST);
		} else if (gap)
			broken = true;
		*whole = !broken && (r.flags & JOURNAL_LAST);
	}
	return group;
}

size_t journal_scan(struct str bytes, uint32_t segment, struct journal_damage *damage,
    bool (*each)(void *ctx, const struct journal_record *r), void *ctx)
{
	struct journal_record r;
	size_t at = JOURNAL_START, gap, shown = 0;
	bool whole;
	memset(damage, 0, sizeof *damage);
	if (bytes.n < JOURNAL_START)
		return 0;
	uint32_t last = last_group(bytes, segment, &whole);
	while (next_record(bytes, segment, &at, &r, &gap)) {
		if (r.group == last && !whole) {
			damage->dropped++;
			continue;
		}
		damage->bytes += gap;
		damage->gaps += gap != 0;
		shown++;
		if (!each(ctx, &r))
			break;
	}
	return shown;
}
