/* sendmail's command line, as programs have written it for forty years. */
#include "submit/sendmail.h"
#include <stdlib.h>

/* Options whose value may stand in the same word or in the next one. */
static const char *value_of(int argc, char **argv, int *i, size_t skip)
{
	if (argv[*i][skip])
		return argv[*i] + skip;
	return *i + 1 < argc ? argv[++*i] : NULL;
}

static int parse_notify(const char *z, uint8_t *out)
{
	static const struct {
		const char *word;
		uint8_t bit;
	} words[] = {{"success", GATE_NOTIFY_SUCCESS}, {"failure", GATE_NOTIFY_FAILURE},
	    {"fail", GATE_NOTIFY_FAILURE}, {"delay", GATE_NOTIFY_DELAY}};
	struct str rest = str_of(z), word;
	if (str_iis(rest, "never")) {
		*out = GATE_NOTIFY_NEVER;
		return 0;
	}
	*out = 0;
	while (str_split(&rest, ',', &word)) {
		uint8_t bit = 0;
		for (size_t i = 0; i < ARRAY_LEN(words); i++)
			if (str_iis(word, words[i].word))
				bit = words[i].bit;
		if (!bit)
			return -1;
		*out |= bit;
	}
	return *out ? 0 : -1;
}

static int parse_b(const char *word, struct sendmail_options *o)
{
	if (strcmp(word, "cc") == 0)
		o->bcc_only = true;
	else if (strcmp(word, "s") == 0)
		o->mode = SENDMAIL_SMTP;
	else if (strcmp(word, "p") == 0)
		o->mode = SENDMAIL_QUEUE;
	else if (strcmp(word, "i") == 0)
		o->mode = SENDMAIL_ALIASES;
	else if (strcmp(word, "m") != 0)
		return -1;
	return 0;
}

static int parse_ret(const char *z, char *out)
{
	if (str_iis(str_of(z), "full"))
		*out = 'F';
	else if (str_iis(str_of(z), "hdrs"))
		*out = 'H';
	else
		return -1;
	return 0;
}

static const char *parse_security(const char *z, struct sendmail_options *o)
{
	if (str_iis(str_of(z), "STARTTLS"))
		o->security = "STARTTLS";
	else if (!str_iis(str_of(z), "NONE"))
		return "-S is NONE or STARTTLS";
	return NULL;
}

/* NULL, or what is wrong.  Unknown letters are taken for options of other systems and left alone.
 */
static const char *parse_one(int argc, char **argv, int *i, struct sendmail_options *o)
{
	const char *word = argv[*i] + 1, *value;
	if (strcmp(word, "verp") == 0) {
		o->verp = true;
		return NULL;
	}
	if (*word == 'b')
		return parse_b(word + 1, o) < 0 ? "this -b mode is not known here" : NULL;
	if (strcmp(word, "n") == 0) {
		o->mode = SENDMAIL_SHOW;
		return NULL;
	}
	if (!strchr("fFNRVSrCBXDpAOLh", *word) || strcmp(word, "oi") == 0)
		return NULL;
	value = value_of(argc, argv, i, 2);
	if (!value)
		return "a value is missing behind the last option";
	switch (*word) {
	case 'f':
	case 'r':
		o->sender = value;
		return NULL;
	case 'F':
		o->name = value;
		return NULL;
	case 'N':
		return parse_notify(value, &o->notify) < 0
			   ? "-N is never, or a list of success, fail, delay"
			   : NULL;
	case 'R':
		return parse_ret(value, &o->ret) < 0 ? "-R is full or hdrs" : NULL;
	case 'V':
		o->envid = value;
		return NULL;
	case 'S':
		return parse_security(value, o);
	default:
		return NULL; /* -C file and kin: their value is not a recipient */
	}
}

int sendmail_parse_options(int argc, char **argv, struct sendmail_options *o, const char **why)
{
	int i = 1;
	*o = (struct sendmail_options){0};
	for (; i < argc && argv[i][0] == '-' && argv[i][1]; i++) {
		if (strcmp(argv[i], "--") == 0) {
			i++;
			break;
		}
		*why = parse_one(argc, argv, &i, o);
		if (*why)
			return -1;
	}
	o->rcpts = argv + i;
	o->n_rcpts = (size_t)(argc - i);
	return 0;
}
