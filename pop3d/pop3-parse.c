#include "config.h"

#include "pop3d/pop3d.h"

enum shape { NOTHING, MAYBE_NUMBER, NUMBER, NUMBER_LINES, MAYBE_WORD };

static const struct {
	const char *name;
	enum pop3_verb verb;
	enum shape shape;
} verbs[] = {
    {"CAPA", POP3_CAPA, NOTHING},
    {"DELE", POP3_DELE, NUMBER},
    {"LANG", POP3_LANG, MAYBE_WORD},
    {"LIST", POP3_LIST, MAYBE_NUMBER},
    {"NOOP", POP3_NOOP, NOTHING},
    {"QUIT", POP3_QUIT, NOTHING},
    {"RETR", POP3_RETR, NUMBER},
    {"RSET", POP3_RSET, NOTHING},
    {"STAT", POP3_STAT, NOTHING},
    {"TOP", POP3_TOP, NUMBER_LINES},
    {"UIDL", POP3_UIDL, MAYBE_NUMBER},
    {"UTF8", POP3_UTF8, MAYBE_WORD},
};

static bool arguments(enum shape shape, struct str rest, struct pop3_command *out)
{
	struct str first = STR_NONE, second = STR_NONE, more;
	bool has = str_word(&rest, &first);
	bool two = has && str_word(&rest, &second);
	if (two && str_word(&rest, &more))
		return false;
	out->has_number = has && shape != MAYBE_WORD;
	out->word = first;
	switch (shape) {
	case NOTHING:
		return !has;
	case MAYBE_WORD:
		return !two;
	case MAYBE_NUMBER:
		return !two && (!has || str_u64(first, &out->number));
	case NUMBER:
		return has && !two && str_u64(first, &out->number);
	case NUMBER_LINES:
		return two && str_u64(first, &out->number) && str_u64(second, &out->lines);
	}
	return false;
}

void pop3_parse(struct str line, struct pop3_command *out)
{
	struct str word = STR_NONE;
	*out = (struct pop3_command){.verb = POP3_UNKNOWN};
	if (!str_word(&line, &word))
		return;
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (str_iis(word, verbs[i].name)) {
			out->verb = verbs[i].verb;
			out->bad = !arguments(verbs[i].shape, line, out);
			return;
		}
}
