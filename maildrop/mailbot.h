/*
 * mailbot: answers a message by itself (RFC 3834), in one of several formats.
 *
 * mailbot.c reads options and runs the steps: is an answer due (mailbot-decide.c, pure), has this
 * sender had one (mailbot-seen.c), what does it say (mailbot-text.c, mailbot-compose.c), send it.
 */
#ifndef COURIER_MAILDROP_MAILBOT_H
#define COURIER_MAILDROP_MAILBOT_H

#include "mime/mime.h"
#include "rfc822/rfc822.h"

enum mailbot_format {
	MAILBOT_REPLY,
	MAILBOT_REPLYALL,
	MAILBOT_REPLYDSN,
	MAILBOT_REPLYDRAFT,
	MAILBOT_FORWARD,
	MAILBOT_FORWARDATT,
	MAILBOT_FEEDBACK,
	MAILBOT_REPLYFEEDBACK,
	MAILBOT_FORMATS,
};

struct mailbot_fact { /* a field of a feedback report */
	const char *name, *value;
};

enum { MAILBOT_INPUT_MAX = 1 << 28, MAILBOT_FACTS_MAX = 1000 };

struct mailbot {
	/* options */
	enum mailbot_format format;
	bool format_given;
	const char *text_file, *mime_file, *charset, *draft_folder;
	const char *dsn_address, *feedback_type, *salutation, *marker, *required, *subject;
	const char *database;
	int64_t days;
	const char *to; /* -f: the address, or "" for $SENDER; NULL: not given */
	bool no_quote, attach_all, prefer_errors_to, show;
	VEC(const char *) fields; /* -A */
	VEC(struct mailbot_fact) facts;
	/* the message */
	struct arena *arena;
	struct str message, header;
	struct mime_result mime;
	/* the answer: all in UTF-8 until it is written */
	struct str text; /* of the administrator */
	int64_t now;
};

/* mailbot-decide.c: pure.  Why no answer is due, or NULL.  sender: $SENDER, NULL when not set. */
const char *mailbot_silent(struct arena *a, struct str header, const struct mime_part *root,
    const char *sender, const char *required);
/* Whom an answer goes to: a list as it stands in a header, or .p NULL. */
struct str mailbot_answer_to(struct arena *a, struct str header, bool prefer_errors_to);

/* mailbot-seen.c: 1 this address had an answer within the days (or it could not be found out: -1),
 * 0 it had none, and now it has. */
int mailbot_seen(const char *file, struct str address, int64_t now, int64_t days);

/* mailbot-text.c: in UTF-8, format=flowed with delsp. */
void mailbot_quote(const struct mailbot *b, struct buf *out);        /* salutation, "> " lines */
void mailbot_forward_text(const struct mailbot *b, struct buf *out); /* header and text */
bool mailbot_plain_text(struct arena *a, struct str message, const struct mime_part *root,
    struct str *text, bool *flowed, bool *delsp);

/* mailbot-compose.c: the whole answer. */
void mailbot_compose(const struct mailbot *b, struct buf *out);

_Noreturn void mailbot_fail(int status, const char *what, const char *why);

#endif
