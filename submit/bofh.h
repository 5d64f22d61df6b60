/*
 * Whose mail is not wanted: the file bofh and the checks of a sender (bofh(5)).
 *
 * Pure: the text, the client's environment and what the DNS has said give the reply.  Who gathers
 * those facts is sender-check.c, for MAIL, and from-check.c, for the end of the header.
 */
#ifndef COURIER_SUBMIT_BOFH_H
#define COURIER_SUBMIT_BOFH_H

#include "mime/mime.h"
#include "spf/spf.h"
#include "submit/address.h"
#include "submit/replies.h"

enum { BOFH_LINES_MAX = 100000, BOFH_TEXT_MAX = 16 * 1024 * 1024 };

/* ---- the file (bofh-text.c) ------------------------------------------------------------------ */

struct bofh;
/* bad, which may be NULL, hears of lines that are not understood; the others count.  n: the names
 * of this system, for the addresses of spamtraps.  NULL without memory. */
struct bofh *bofh_new(struct str text, const struct names *n,
    void (*bad)(void *ctx, unsigned line, const char *why), void *ctx);
void bofh_free(struct bofh *b);

bool bofh_badfrom(const struct bofh *b, struct str local, struct str domain);
/* A domain whose mail comes from certain hosts alone, and host is none of them. */
enum bofh_host { BOFH_HOST_GOOD, BOFH_HOST_BAD, BOFH_HOST_UNSURE };
enum bofh_host bofh_freemail(const struct bofh *b, struct str domain, struct str host);
bool bofh_badmx(const struct bofh *b, const struct sockaddr_storage *ss);
bool bofh_spamtrap(const struct bofh *b, struct str key);          /* key: of struct address */
bool bofh_maxrcpts(const struct bofh *b, uint32_t *n, bool *hard); /* false: not said */
/* `opt NAME=value`: adds what env does not have yet; NAME must begin with BOFH. */
void bofh_defaults(const struct bofh *b, struct buf *env);

/* ---- the settings for one client (bofh-options.c) -------------------------------------------- */

/* SPF keyword lists: bits 1 << enum spf_result, and: */
enum {
	BOFH_SPF_OFF = 0,
	BOFH_SPF_ALL = (1 << SPF_RESULTS) - 1,
	BOFH_SPF_ALLOWOK = 1 << 16,
	BOFH_SPF_MAILFROMOK = 1 << 17,
};
/* false: a word that is none; the others are in *out. */
bool bofh_spf_words(struct str list, unsigned *out);

enum bofh_spf { BOFH_HELO, BOFH_MAILFROM, BOFH_FROM, BOFH_IDENTITIES };
struct bofh_options {
	bool check_dns, no_base64, no_verbose;
	bool check_bounces;  /* refuse domains whose hosts refuse reports */
	bool white;          /* BLOCK is there and empty: no look at the sender's domain */
	unsigned check_helo; /* 0, 1, 2 */
	size_t header_limit; /* 0: not said */
	unsigned spf[BOFH_IDENTITIES], hard;
};
/* env: NAME=value lines; relay: the client may relay; check_dns: what the settings say. */
void bofh_options(struct str env, bool relay, bool check_dns, struct bofh_options *out);

/* There is no client whose address could be checked. */
void bofh_no_client(struct bofh_options *o);

/* ---- decisions (bofh-decide.c) --------------------------------------------------------------- */

struct domain_facts {
	enum dns_status status; /* of the mail hosts */
	bool null_mx, bad_mx;
	bool loop;                 /* its CNAME records lead in a circle */
	char badmx[DNS_NAME_SIZE]; /* an unwanted host's address; "" */
};
enum reply_id decide_sender_domain(const struct domain_facts *f);

struct helo_facts {
	bool literal, matches; /* matches: some address is the client's */
	bool exists, null_mx, unsure;
};
enum helo_verdict { HELO_GOOD, HELO_UNKNOWN, HELO_GONE, HELO_FOREIGN };
enum helo_verdict decide_helo(const struct helo_facts *f);

/* Whether some part is plain or HTML text in base64; root may be NULL. */
bool bofh_base64_text(const struct mime_part *root);

/* REPLY_OK, REPLY_SPF or REPLY_SPF_LATER. */
enum reply_id decide_spf(unsigned accepted, unsigned hard, enum spf_result r);
/* "none", ..., "error", "unknown": the words of the file, of replies and of Received-SPF. */
const char *bofh_spf_name(enum spf_result r);

/* The whole Received-SPF field. */
struct spf_field {
	enum bofh_spf identity;
	enum spf_result result;
	struct str sender, remote_ip, remote_host, helo, receiver;
};
void bofh_spf_field(const struct spf_field *f, struct buf *out);

#endif
