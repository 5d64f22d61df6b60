/* Hash table of an open folder: base name to index. */
#include "config.h"

#include "maildir/folder-private.h"

#include <stdlib.h>

static uint64_t hash(uint64_t seed, struct str s)
{
	uint64_t h = seed ^ (s.n * 0x9e3779b97f4a7c15u);
	size_t i = 0;
	for (; i + 8 <= s.n; i += 8) {
		uint64_t w;
		memcpy(&w, s.p + i, 8);
		h = (h ^ w) * 0xff51afd7ed558ccdu;
		h ^= h >> 32;
	}
	for (; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * 0x100000001b3u;
	h ^= h >> 29;
	h *= 0xc4ceb9fe1a85ec53u;
	return h ^ (h >> 32);
}

struct str maildir_msg_base(const struct maildir_msg *m)
{
	return str_at(m->name, m->base_len);
}

size_t maildir_table_find(const struct maildir_folder *f, struct str base)
{
	if (!f->table_size)
		return SIZE_MAX;
	size_t mask = f->table_size - 1;
	for (size_t at = hash(f->seed, base) & mask;; at = (at + 1) & mask) {
		uint32_t i = f->table[at];
		if (i == 0)
			return SIZE_MAX;
		if (str_eq(maildir_msg_base(&f->msgs.v[i - 1]), base))
			return i - 1;
	}
}

static void put(struct maildir_folder *f, size_t i)
{
	size_t mask = f->table_size - 1;
	size_t at = hash(f->seed, maildir_msg_base(&f->msgs.v[i])) & mask;
	while (f->table[at])
		at = (at + 1) & mask;
	f->table[at] = (uint32_t)(i + 1);
}

void maildir_table_rebuild(struct maildir_folder *f)
{
	size_t want = 1024;
	while (want < f->msgs.n * 2 + 2)
		want *= 2;
	free(f->table);
	f->table = mem_zero(want * sizeof *f->table);
	f->table_size = want;
	for (size_t i = 0; i < f->msgs.n; i++)
		put(f, i);
}

void maildir_table_add(struct maildir_folder *f, size_t i)
{
	if ((f->msgs.n + 1) * 2 > f->table_size)
		maildir_table_rebuild(f); /* takes i in */
	else
		put(f, i);
}
