#include "submit/settings.h"

static bool valid_mode(struct str v)
{
	enum check_mode m;
	return check_mode_parse(v, &m);
}

static bool valid_disk(struct str v)
{
	struct disk_need d;
	return disk_need_parse(v, &d);
}

static bool valid_sources(struct str v)
{
	struct str word;
	for (struct str rest = v; str_split(&rest, ',', &word);)
		for (struct str w; str_word(&word, &w);)
			if (!str_is(w, "smtp") && !str_is(w, "authsmtp") && !str_is(w, "none"))
				return false;
	return true;
}

static bool valid_filtered(struct str v)
{
	for (struct str w; str_word(&v, &w);)
		if (!str_is(w, "esmtp") && !str_is(w, "local") && !str_is(w, "uucp"))
			return false;
	return true;
}

static bool valid_path(struct str v)
{
	v = str_trim(v);
	return v.n == 0 || (v.p[0] == '/' && !str_has_ctl(v));
}

static const struct config_setting settings[] = {
    {.name = "sizelimit",
	.type = CONFIG_SIZE,
	.def = "10485760",
	.file = "sizelimit",
	.help = "largest message in bytes; 0: any size"},
    {.name = "batchsize",
	.type = CONFIG_INT,
	.def = "100",
	.min = 1,
	.max = 10000,
	.file = "batchsize",
	.help = "most recipients of one queued message; more make further ones, up to 64"},
    {.name = "sizecheck",
	.type = CONFIG_STRING,
	.def = "500 20 131072",
	.file = "sizecheck",
	.valid = valid_disk,
	.help =
	    "KiB and inodes that must stay free, and the bytes between two looks while receiving"},
    {.name = "locals",
	.type = CONFIG_LIST,
	.file = "locals",
	.help = "domains whose mailboxes are accounts of this machine; default: me"},
    {.name = "locallowercase",
	.type = CONFIG_STRING,
	.file = "locallowercase",
	.help = "when the file exists, local mailbox names know no case"},
    {.name = "defaultsep",
	.type = CONFIG_STRING,
	.def = "+",
	.file = "defaultsep",
	.help = "characters that, like '-', stand between a mailbox and its extension"},
    {.name = "esmtpgreeting",
	.type = CONFIG_STRING,
	.file = "esmtpgreeting",
	.help = "text of the greeting behind 220; default: me and the word ESMTP"},
    {.name = "MAXRCPTS",
	.type = CONFIG_INT,
	.def = "100",
	.min = 0,
	.max = 65536,
	.help = "most recipients of one message from the network; 0: any number"},
    {.name = "HEADERLIMIT",
	.type = CONFIG_SIZE,
	.def = "100000",
	.min = 1000,
	.max = 16777216,
	.help = "largest header block"},
    {.name = "RECEIVEDLIMIT",
	.type = CONFIG_INT,
	.def = "100",
	.min = 5,
	.max = 1000,
	.help = "most Received fields before a message counts as looping"},
    {.name = "HEADER8BIT",
	.type = CONFIG_STRING,
	.def = "refuse",
	.valid = valid_mode,
	.help = "8-bit bytes in headers: refuse, accept or mark"},
    {.name = "BODY8BIT",
	.type = CONFIG_STRING,
	.def = "refuse",
	.valid = valid_mode,
	.help = "8-bit bytes in bodies that no MIME header declares: refuse, accept or mark"},
    {.name = "BADMIME",
	.type = CONFIG_STRING,
	.def = "refuse",
	.valid = valid_mode,
	.help = "malformed headers and MIME structure: refuse, accept or mark"},
    {.name = "NOADDDATE", .type = CONFIG_BOOL, .def = "0", .help = "add no missing Date"},
    {.name = "NOADDMSGID", .type = CONFIG_BOOL, .def = "0", .help = "add no missing Message-ID"},
    {.name = "LOCALEXTENSIONS",
	.type = CONFIG_BOOL,
	.def = "1",
	.help = "0: user-extension is no address of the account user"},
    {.name = "NOADDRREWRITE",
	.type = CONFIG_INT,
	.def = "2",
	.min = 0,
	.max = 2,
	.help = "1: leave addresses in headers alone; 2: in signed messages"},
    {.name = "BOFHSUPPRESSBACKSCATTER",
	.type = CONFIG_LIST,
	.def = "smtp",
	.valid = valid_sources,
	.help = "sources (smtp, authsmtp, none) whose mail is refused for two hours for addresses "
		"whose mail has failed or had to wait"},
    {.name = "enablefiltering",
	.type = CONFIG_STRING,
	.file = "enablefiltering",
	.valid = valid_filtered,
	.help = "sources whose mail is filtered: esmtp, local, uucp; no file: none"},
    {.name = "FILTERTIME",
	.type = CONFIG_TIME,
	.def = "2m",
	.min = 1,
	.max = 600,
	.help = "how long one global filter may think about one message"},
    {.name = "maildropfilter",
	.type = CONFIG_STRING,
	.file = "maildropfilter",
	.valid = valid_path,
	.help = "program that runs the filters of mailboxes' owners; no file: there are none"},
    {.name = "aliasfilteracct",
	.type = CONFIG_STRING,
	.file = "aliasfilteracct",
	.valid = valid_path,
	.help = "home folder of the account whose filter looks at mail for aliases"},
    {.name = "DROPMAXSIZE",
	.type = CONFIG_SIZE,
	.def = "20M",
	.min = 1000,
	.help = "largest file in the drop folder"},
};

static bool valid_bound(struct str v)
{
	unsigned bound;
	return bound_parse(v, &bound);
}

static const struct config_setting sender_rows[] = {
    {.name = "BOFHCHECKDNS",
	.type = CONFIG_BOOL,
	.def = "1",
	.help = "the domain of a sender must have a mail host"},
    {.name = "AUTH_SENDER",
	.type = CONFIG_STRING,
	.def = "",
	.valid = valid_bound,
	.help = "envelope, header: senders must be addresses of the account"},
    {.name = "BLACKLISTS",
	.type = CONFIG_STRING,
	.explain = tcpd_options_explain,
	.help = "-block and -allow: lists of the DNS that clients are looked up in"},
    {.name = "DROP",
	.type = CONFIG_STRING,
	.explain = tcpd_options_explain,
	.help = "-drop: listed clients are cut off at once"},
    {.name = "TCPDOPTS",
	.type = CONFIG_STRING,
	.explain = tcpd_options_explain,
	.help = "further options of couriertcpd(1)"},
    {.name = "ALLOW_EXCLUSIVE",
	.type = CONFIG_BOOL,
	.def = "1",
	.help = "Authentication-Results of others are renamed"},
    {.name = "ACCESSFILE",
	.type = CONFIG_STRING,
	.def = "smtpaccess",
	.help = "the access table, a file or folder; with .dat what makesmtpaccess makes of it"},
};

#define SENDER(n_, overlay_)                                                               \
	{                                                                                  \
		.name = (n_), .file = "esmtpd", .overlay = (overlay_), .foreign_ok = true, \
		.settings = sender_rows, .n = ARRAY_LEN(sender_rows),                      \
	}
const struct config_component sender_settings[3] = {
    SENDER("sender", NULL),
    SENDER("sender-msa", "esmtpd-msa"),
    SENDER("sender-ssl", "esmtpd-ssl"),
};

const struct config_component submit_settings = {
    .name = "submit",
    .file = "submit",
    .settings = settings,
    .n = ARRAY_LEN(settings),
};
