/* Names of folders: as clients write them, in UTF-8, and on disk. */
#include "config.h"

#include "imapd/session.h"
#include "unicode/unicode.h"

static bool starts_inbox(struct str n)
{
	return str_istarts(n, STR("INBOX")) && (n.n == 5 || n.p[5] == '.');
}

bool name_argument(struct session *s, struct parser *p, char **out)
{
	struct str wire;
	struct buf b;
	if (!parse_astring(p, &wire)) {
		reply_bad(s, "Mailbox name expected");
		return false;
	}
	if (wire.n > FOLDER_NAME_MAX) {
		reply_no(s, "[CANNOT] Mailbox name too long");
		return false;
	}
	buf_init(&b, FOLDER_NAME_MAX * 4);
	bool ok = s->utf8 ? utf8_valid(wire) && buf_adds(&b, wire) : utf7_imap_decode(wire, &b);
	struct str name = buf_str(&b);
	if (starts_inbox(name))
		memcpy(b.p, "INBOX", 5);
	*out = ok ? arena_strz(s->arena, name) : NULL;
	buf_free(&b);
	if (!*out)
		reply_no(s, "[CANNOT] Mailbox name is not valid");
	return *out != NULL;
}

const char *name_folder(const char *name)
{
	if (strcmp(name, "INBOX") == 0)
		return "";
	if (strncmp(name, "INBOX.", 6) != 0 || !maildir_folder_ok(str_of(name + 6)))
		return NULL;
	return name + 6;
}

bool name_is_trash(struct session *s, const char *name)
{
	const char *folder = name_folder(name);
	return folder && *folder && strcmp(folder, s->cfg.trash) == 0;
}

char *name_dir(struct session *s, const char *name)
{
	const char *folder = name_folder(name);
	if (!folder)
		return NULL;
	return *folder ? arena_printf(s->arena, "./.%s", folder) : arena_printf(s->arena, ".");
}

bool name_encode(struct session *s, const char *name, struct buf *out)
{
	struct buf b;
	buf_init(&b, FOLDER_NAME_MAX * 8);
	bool ok = s->utf8 ? buf_addz(&b, name) : utf7_imap_encode(str_of(name), &b);
	buf_addc(out, '"');
	for (size_t i = 0; ok && i < b.n; i++) {
		if (b.p[i] == '"' || b.p[i] == '\\')
			buf_addc(out, '\\');
		buf_addc(out, b.p[i]);
	}
	buf_addc(out, '"');
	buf_free(&b);
	return ok && !out->failed;
}

void put_name(struct session *s, const char *name)
{
	struct buf b;
	buf_init(&b, FOLDER_NAME_MAX * 16);
	name_encode(s, name, &b);
	io_put(&s->io, buf_str(&b));
	buf_free(&b);
}
