/*
 * Replies: every one that we give of our own is in this table (RFC 5321, section 4.2; RFC 3463;
 * RFC 5248), and no code is written anywhere else.  What the gate answers is passed on by
 * smtp_reply_put.
 */
#ifndef COURIER_SMTP_REPLY_H
#define COURIER_SMTP_REPLY_H

#include "base/base.h"

/* id, code, enhanced code, text */
#define SMTP_REPLIES(R)                                                                      \
	R(GREETING, 220, "", "ESMTP")                                                        \
	R(START_TLS, 220, "2.0.0", "Ready to start TLS")                                     \
	R(BYE, 221, "2.0.0", "Bye")                                                          \
	R(HELP, 214, "2.0.0", "Commands are those of RFC 5321")                              \
	R(AUTH_OK, 235, "2.7.0", "Authentication succeeded")                                 \
	R(HELO, 250, "", "Ok.")                                                              \
	R(OK, 250, "2.0.0", "Ok")                                                            \
	R(CANNOT_VRFY, 252, "2.5.2", "Not looked up; send mail and see")                     \
	R(CHALLENGE, 334, "", "")                                                            \
	R(START_DATA, 354, "", "Send the message; a dot alone on a line ends it")            \
	R(CHUNK, 250, "2.0.0", "Chunk taken")                                                \
	R(EACH, 353, "", "A reply for each recipient follows, then one for all")             \
	R(SHUTDOWN, 421, "4.3.2", "Closing for a while, try again soon")                     \
	R(TIMEOUT, 421, "4.4.2", "Nothing was said for too long")                            \
	R(SESSION_TIMEOUT, 421, "4.4.2", "The session has lasted too long")                  \
	R(TOO_MANY_CONNECTIONS, 421, "4.7.0", "Too many connections")                        \
	R(TOO_MANY_HERE, 421, "4.7.0", "Too many connections from your address")             \
	R(TOO_MANY_MAILS, 421, "4.7.0", "Enough messages in one session, come again")        \
	R(TOO_MANY_ERRORS, 421, "4.7.0", "Too many errors")                                  \
	R(TOO_MANY_IDLE, 421, "4.7.0", "Too many commands without a message")                \
	R(NO_GATE, 421, "4.3.0", "Mail can't be taken right now")                            \
	R(GATE_LOST, 451, "4.3.0", "Mail can't be taken right now")                          \
	R(NO_MEMORY, 451, "4.3.0", "Out of resources")                                       \
	R(TOO_MANY_RCPTS, 431, "4.5.3", "Too many recipients, send the others another copy") \
	R(NOBODY_NOW, 450, "4.6.0", "Nobody has taken the message")                          \
	R(NOBODY, 550, "5.6.0", "Nobody has taken the message")                              \
	R(AUTH_TEMPFAIL, 454, "4.7.0", "Can't authenticate right now")                       \
	R(TLS_TEMPFAIL, 454, "4.7.0", "TLS is not available right now")                      \
	R(UNKNOWN, 500, "5.5.1", "Command not known")                                        \
	R(LINE_TOO_LONG, 500, "5.5.2", "Line too long")                                      \
	R(AUTH_TOO_LONG, 500, "5.5.6", "Authentication exchange line too long")              \
	R(BARE_NEWLINE, 500, "5.5.2", "Lines end with CR and LF, which never stand alone")   \
	R(SYNTAX, 501, "5.5.4", "Syntax error in the arguments")                             \
	R(NO_ARGUMENT, 501, "5.5.4", "An argument is missing")                               \
	R(ARGUMENT, 501, "5.5.4", "No argument is allowed here")                             \
	R(BAD_PARAM, 501, "5.5.4", "Bad value of a parameter")                               \
	R(TWICE, 501, "5.5.4", "A parameter was given twice")                                \
	R(HOLD_TOO_LONG, 501, "5.5.4", "That is further in the future than is allowed")      \
	R(BY_PASSED, 501, "5.5.4", "The time to deliver by is over")                         \
	R(BAD_HELO, 501, "5.5.4", "That is not a host name")                                 \
	R(BAD_SENDER, 501, "5.1.7", "Bad syntax of the sender's address")                    \
	R(BAD_RCPT, 501, "5.1.3", "Bad syntax of the recipient's address")                   \
	R(ADDRESS_TOO_LONG, 501, "5.1.3", "Address too long")                                \
	R(BAD_BASE64, 501, "5.5.2", "Bad base64")                                            \
	R(AUTH_CANCELLED, 501, "5.7.0", "Authentication cancelled")                          \
	R(NO_AUTH, 502, "5.5.1", "Authentication is not offered here")                       \
	R(NO_TLS, 502, "5.5.1", "TLS is not offered here")                                   \
	R(SEQUENCE, 503, "5.5.1", "Bad sequence of commands")                                \
	R(NEED_HELO, 503, "5.5.1", "Say EHLO or HELO first")                                 \
	R(NEED_MAIL, 503, "5.5.1", "Say MAIL first")                                         \
	R(NEED_RCPT, 503, "5.5.1", "Say RCPT first")                                         \
	R(CHUNKS_BEGUN, 503, "5.5.1", "The message has begun with BDAT, go on or say RSET")  \
	R(NEED_BDAT, 503, "5.5.1", "BODY=BINARYMIME needs BDAT")                             \
	R(NO_RCPT_CHUNK, 503, "5.5.1", "Nobody has been accepted, the chunk is dropped")     \
	R(NESTED_MAIL, 503, "5.5.1", "A message is already begun, say RSET first")           \
	R(NEED_EHLO, 503, "5.5.1", "Say EHLO first")                                         \
	R(TLS_TWICE, 503, "5.5.1", "TLS is already in use")                                  \
	R(AUTH_TWICE, 503, "5.5.1", "Already authenticated")                                 \
	R(BAD_MECHANISM, 504, "5.5.4", "That mechanism is not offered")                      \
	R(PARAM_NEEDS_TLS, 530, "5.7.10", "REQUIRETLS needs a session under TLS")            \
	R(NEED_TLS, 530, "5.7.0", "Say STARTTLS first")                                      \
	R(NEED_AUTH, 530, "5.7.0", "Authentication required")                                \
	R(AUTH_FAILED, 535, "5.7.8", "Authentication failed")                                \
	R(AUTH_NEEDS_TLS, 538, "5.7.11", "That mechanism needs TLS")                         \
	R(TOO_LARGE, 552, "5.3.4", "Message too large")                                      \
	R(NEED_UTF8, 553, "5.6.7", "The address needs SMTPUTF8")                             \
	R(NO_RCPTS, 554, "5.5.1", "No valid recipients")                                     \
	R(BARE_DATA, 554, "5.5.2", "Lines end with CR and LF, which never stand alone")      \
	R(PIPELINED_TLS, 554, "5.5.0", "Nothing may be sent behind STARTTLS")                \
	R(DENIED, 554, "5.7.1", "No service for you")                                        \
	R(NO_PARAM, 555, "5.5.4", "Parameter not known")

#define SMTP_REPLY_ENUM_(id, code, enhanced, text) SMTP_R_##id,
enum smtp_reply_id { SMTP_R_NONE, SMTP_REPLIES(SMTP_REPLY_ENUM_) SMTP_R_COUNT };
#undef SMTP_REPLY_ENUM_

struct smtp_reply {
	uint16_t code;
	const char *enhanced; /* "" where there is none (greeting, HELO, 354, 334) */
	const char *text;
};
const struct smtp_reply *smtp_reply(enum smtp_reply_id id); /* NULL for SMTP_R_NONE */

/*
 * Writes a whole reply with CRLF line ends.  text may have several lines, parted by LF, each of
 * which gets the code and (when not empty) the enhanced code.  Control bytes become blanks; lines
 * are cut at 500 bytes.  A code outside 200..599 is written as 451.
 */
void smtp_reply_put(struct buf *out, unsigned code, struct str enhanced, struct str text);
void smtp_reply_put_id(struct buf *out, enum smtp_reply_id id);

/* The client's side: one line of a reply, without CRLF.  False when it is none. */
struct smtp_reply_line {
	uint16_t code;
	bool last;       /* "250 ", not "250-" */
	struct str text; /* behind the code */
};
bool smtp_reply_line_parse(struct str line, struct smtp_reply_line *out);
/* Cuts "5.1.1 " off *text when it is an enhanced code whose class is that of `code`. */
bool smtp_enhanced_cut(struct str *text, uint16_t code, struct str *enhanced);

#endif
