#include "config.h"

#include "imapd/settings.h"

#include <stdlib.h>

#define CAPABILITIES                                                                  \
	"IMAP4rev1 LITERAL+ UIDPLUS CHILDREN NAMESPACE THREAD=ORDEREDSUBJECT "        \
	"THREAD=REFERENCES SORT QUOTA IDLE UNSELECT MOVE SPECIAL-USE "                \
	"CREATE-SPECIAL-USE LIST-EXTENDED LIST-STATUS STATUS=SIZE ESEARCH SEARCHRES " \
	"WITHIN BINARY APPENDLIMIT SAVEDATE PREVIEW CONDSTORE QRESYNC ENABLE UTF8=ACCEPT"

/* ".Outbox": a folder, not INBOX itself. */
static bool outbox_ok(struct str v)
{
	return !v.n || (v.n > 1 && v.p[0] == '.' && v.p[1] != '.' && !str_has_ctl(v) &&
			   str_chr(v, '/') < 0);
}

static bool program_ok(struct str v)
{
	return v.n && v.p[0] == '/' && !str_has_ctl(v);
}

static bool field_ok(struct str v)
{
	for (size_t i = 0; i < v.n; i++)
		if ((unsigned char)v.p[i] <= ' ' || (unsigned char)v.p[i] >= 0x7f || v.p[i] == ':')
			return false;
	return true;
}

static const struct config_setting settings[] = {
    {.name = "IMAP_CAPABILITY",
	.type = CONFIG_STRING,
	.def = CAPABILITIES,
	.help = "what CAPABILITY names"},
    {.name = "IMAP_CAPABILITY_TLS",
	.type = CONFIG_STRING,
	.help = "the same under TLS; empty: no difference"},
    {.name = "IMAP_KEYWORDS",
	.type = CONFIG_INT,
	.def = "1",
	.max = 2,
	.help = "0: no custom flags"},
    {.name = "IMAP_DISABLETHREADSORT",
	.type = CONFIG_BOOL,
	.def = "0",
	.help = "SORT and THREAD are named but refused"},
    {.name = "IMAP_CHECK_ALL_FOLDERS",
	.type = CONFIG_BOOL,
	.def = "0",
	.help = "LIST looks for new mail in every folder"},
    {.name = "IMAP_OBSOLETE_CLIENT",
	.type = CONFIG_BOOL,
	.def = "0",
	.help = "LIST says \\NoInferiors for folders without children"},
    {.name = "IMAP_ACL",
	.type = CONFIG_BOOL,
	.def = "1",
	.help = "access lists can be read and changed by commands"},
    {.name = "IMAP_SHAREDINDEXFILE",
	.type = CONFIG_STRING,
	.def = "",
	.help = "index of the accounts that share folders; a name without a path lies beside this "
		"file; empty: shared/index"},
    {.name = "IMAP_SHAREDMUNGENAMES",
	.type = CONFIG_BOOL,
	.def = "0",
	.help = ". / \\ in names of accounts are shown as \\: \\; \\\\, not as blanks"},
    {.name = "IMAP_USELOCKS",
	.type = CONFIG_BOOL,
	.def = "1",
	.help = "dot-lock files around changes of a folder's index"},
    {.name = "MAILDIR_SKIP_SYMLINK_CHECKS",
	.type = CONFIG_BOOL,
	.def = "0",
	.help = "1: folders of Maildirs may be symbolic links"},
    {.name = "IMAP_MAILBOX_SANITY_CHECK",
	.type = CONFIG_BOOL,
	.def = "1",
	.help = "home and Maildir must belong to the session's user, unless a group shares it"},
    {.name = "IMAP_MOVE_EXPUNGE_TO_TRASH",
	.type = CONFIG_BOOL,
	.def = "0",
	.help = "expunged messages are moved to Trash"},
    {.name = "IMAP_LOG_DELETIONS",
	.type = CONFIG_BOOL,
	.def = "0",
	.help = "a log line for every deleted message"},
    {.name = "IMAP_TRASHFOLDERNAME",
	.type = CONFIG_STRING,
	.def = "Trash",
	.help = "the trash folder"},
    {.name = "IMAP_EMPTYTRASH",
	.type = CONFIG_STRING,
	.def = "Trash:7",
	.help = "folder:days,... that are purged at login and logout"},
    {.name = "IMAP_SPECIALUSE",
	.type = CONFIG_STRING,
	.def = "Drafts:Drafts,Sent:Sent,Junk:Junk,Archive:Archive",
	.help = "folder:use,... shown by LIST"},
    {.name = "IMAPDEBUGFILE",
	.type = CONFIG_STRING,
	.def = "",
	.help = "file in the Maildir that gets what the client sends"},
    {.name = "IMAP_ID_FIELDS", .type = CONFIG_STRING, .def = "0", .help = "what ID tells"},
    {.name = "MAILDIRPATH",
	.type = CONFIG_STRING,
	.def = "Maildir",
	.help = "the Maildir in the home directory of accounts that name none"},
    {.name = "OUTBOX",
	.type = CONFIG_STRING,
	.valid = outbox_ok,
	.help = "the folder, with a dot in front, whose messages are sent; empty: none"},
    {.name = "SENDMAIL",
	.type = CONFIG_STRING,
	.def = BINDIR "/sendmail",
	.valid = program_ok,
	.help = "the program that sends them, called with -oi -t -f ADDRESS"},
    {.name = "HEADERFROM",
	.type = CONFIG_STRING,
	.def = "X-IMAP-Sender",
	.valid = field_ok,
	.help = "header field with the account's address, in the copy that is sent; empty: none"},
    {.name = "OUTBOX_MULTIPLE_SEND",
	.type = CONFIG_BOOL,
	.def = "0",
	.help = "1: one COPY may send several messages"},
    {.name = "IMAP_ULIMITD",
	.type = CONFIG_INT,
	.def = "524288",
	.max = INT32_MAX,
	.help = "KiB of memory that a session may have for data; 0 or empty: no limit"},
    {.name = "IMAP_UMASK", .type = CONFIG_STRING, .def = "022", .help = "octal umask"},
    {.name = "IMAP_IDLE_TIMEOUT",
	.type = CONFIG_TIME,
	.def = "60",
	.min = 1,
	.max = 3600,
	.help = "seconds between looks during IDLE without notification"},
    {.name = "IMAP_AUTOLOGOUT",
	.type = CONFIG_TIME,
	.def = "30m",
	.min = 1,
	.max = 86400,
	.help = "an idle session ends after that time"},
    {.name = "IMAP_LINE_MAX",
	.type = CONFIG_SIZE,
	.def = "64K",
	.min = 8192,
	.max = 16 << 20,
	.help = "bytes of one command"},
    {.name = "IMAP_APPEND_MAX",
	.type = CONFIG_SIZE,
	.def = "0",
	.help = "bytes of an appended message, 0: no limit"},
};

const struct config_component imapd_component = {
    .name = "imapd-session",
    .file = "imapd",
    .settings = settings,
    .n = ARRAY_LEN(settings),
    .foreign_ok = true,
};

static mode_t octal(struct str s, mode_t or_else)
{
	unsigned v = 0;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '7')
			return or_else;
		v = v << 3 | (unsigned)(s.p[i] - '0');
	}
	return s.n && v <= 0777 ? (mode_t)v : or_else;
}

static const char *without_dot(const char *folder)
{
	return *folder == '.' ? folder + 1 : folder;
}

static bool names_condstore(const char *capability)
{
	struct str rest = str_of(capability), word;
	while (str_word(&rest, &word))
		if (str_iis(word, "CONDSTORE") || str_iis(word, "QRESYNC"))
			return true;
	return false;
}

int settings_load(struct settings *s, const struct instance *in)
{
	const struct config_component *const all[] = {&imapd_component};
	const char *me = imapd_component.name;
	struct config *c = config_load(in, all, ARRAY_LEN(all), NULL);
	if (!c)
		return -1;
	bool tls = getenv("IMAP_TLS") && config_str(c, me, "IMAP_CAPABILITY_TLS", NULL).n;
	*s = (struct settings){
	    .config = c,
	    .capability = config_z(c, me, tls ? "IMAP_CAPABILITY_TLS" : "IMAP_CAPABILITY", NULL),
	    .keywords = config_int(c, me, "IMAP_KEYWORDS", NULL) > 0,
	    .disable_threadsort = config_bool(c, me, "IMAP_DISABLETHREADSORT", NULL),
	    .check_all_folders = config_bool(c, me, "IMAP_CHECK_ALL_FOLDERS", NULL),
	    .obsolete_client = config_bool(c, me, "IMAP_OBSOLETE_CLIENT", NULL),
	    .follow_links = config_bool(c, me, "MAILDIR_SKIP_SYMLINK_CHECKS", NULL),
	    .acl = config_bool(c, me, "IMAP_ACL", NULL),
	    .shared_index = config_z(c, me, "IMAP_SHAREDINDEXFILE", NULL),
	    .shared_escapes = config_bool(c, me, "IMAP_SHAREDMUNGENAMES", NULL),
	    .use_locks = config_bool(c, me, "IMAP_USELOCKS", NULL),
	    .sanity_check = config_bool(c, me, "IMAP_MAILBOX_SANITY_CHECK", NULL),
	    .move_expunge_to_trash = config_bool(c, me, "IMAP_MOVE_EXPUNGE_TO_TRASH", NULL),
	    .log_deletions = config_bool(c, me, "IMAP_LOG_DELETIONS", NULL),
	    .trash = config_z(c, me, "IMAP_TRASHFOLDERNAME", NULL),
	    .empty_trash = config_z(c, me, "IMAP_EMPTYTRASH", NULL),
	    .special_use = config_z(c, me, "IMAP_SPECIALUSE", NULL),
	    .outbox = without_dot(config_z(c, me, "OUTBOX", NULL)),
	    .sendmail = config_z(c, me, "SENDMAIL", NULL),
	    .header_from = config_z(c, me, "HEADERFROM", NULL),
	    .outbox_multiple = config_bool(c, me, "OUTBOX_MULTIPLE_SEND", NULL),
	    .debug_file = config_z(c, me, "IMAPDEBUGFILE", NULL),
	    .maildir = config_z(c, me, "MAILDIRPATH", NULL),
	    .memory = (uint64_t)config_int(c, me, "IMAP_ULIMITD", NULL) * 1024,
	    .id_fields = config_z(c, me, "IMAP_ID_FIELDS", NULL),
	    .umask = octal(config_str(c, me, "IMAP_UMASK", NULL), 022),
	    .idle_poll = (int)config_int(c, me, "IMAP_IDLE_TIMEOUT", NULL),
	    .idle_timeout = (int)config_int(c, me, "IMAP_AUTOLOGOUT", NULL),
	    .line_max = (size_t)config_int(c, me, "IMAP_LINE_MAX", NULL),
	    .append_max = (uint64_t)config_int(c, me, "IMAP_APPEND_MAX", NULL),
	};
	s->condstore = names_condstore(s->capability);
	return 0;
}

void settings_free(struct settings *s)
{
	config_drop(s->config);
	*s = (struct settings){0};
}
