/* Shared by the files of libs/spf, its unit test and its fuzz target. */
#ifndef COURIER_SPF_PRIVATE_H
#define COURIER_SPF_PRIVATE_H

#include "spf/spf.h"

/* ---- the record (record.c) ------------------------------------------------------------------- */

enum spf_kind {
	SPF_M_ALL,
	SPF_M_INCLUDE,
	SPF_M_A,
	SPF_M_MX,
	SPF_M_PTR,
	SPF_M_IP4,
	SPF_M_IP6,
	SPF_M_EXISTS,
};

struct spf_term {
	enum spf_kind kind;
	enum spf_result result; /* of the qualifier */
	struct str domain;      /* domain-spec; empty: the current domain */
	struct sockaddr_storage ip;
	unsigned bits4, bits6;
};

enum { SPF_RECORD_TERMS_MAX = 1000 };
struct spf_record {
	VEC(struct spf_term) terms;
	struct str redirect, explanation; /* .p NULL: none */
	bool has_all;
};

/* Whether a TXT record is an SPF record: its version alone is looked at. */
bool spf_is_record(struct str text);
/* The whole record is proved, before any of it is used (4.6).  NULL, or what is wrong. */
const char *spf_record_parse(struct str text, struct spf_record *out);
void spf_record_free(struct spf_record *r);

/* ---- macros (macro.c) ------------------------------------------------------------------------ */

/* Values of the letters, by their place in SPF_LETTERS; .p NULL: unknown letter.  get may say that
 * a value must be looked up first (-1: stop). */
struct spf_macros {
	int (*get)(void *ctx, char letter, struct str *value);
	void *ctx;
	bool explaining; /* c, r and t are allowed, and blanks */
};
/* Proves a macro-string.  domain: it must also end as a domain-spec does. */
bool spf_macro_valid(struct str text, bool explaining);
bool spf_domain_spec_valid(struct str text);
/* text was proved.  1, 0: out is full, -1: get said so. */
int spf_macro_expand(struct str text, const struct spf_macros *m, struct buf *out);

/* ---- addresses (address.c) ------------------------------------------------------------------- */

/* IPv4 inside IPv6 becomes IPv4. */
struct sockaddr_storage spf_plain_address(const struct sockaddr_storage *ss);
/* Same family, and the first bits are equal. */
bool spf_in_network(
    const struct sockaddr_storage *a, const struct sockaddr_storage *net, unsigned bits);
void spf_address_dotted(const struct sockaddr_storage *ss, struct buf *out); /* %{i} */
void spf_address_text(const struct sockaddr_storage *ss, struct buf *out);   /* %{c} */

/* ---- evaluation ------------------------------------------------------------------------------ */

struct spf_eval {
	struct arena *arena;
	const struct spf_facts *facts;
	struct sockaddr_storage ip;
	struct str sender, local, sender_domain; /* of the sender, as %{s}, %{l}, %{o} */
	spf_lookup lookup;
	void *lookup_ctx;
	struct spf_question *ask;
	unsigned terms, voids; /* so far */
	bool uncounted;        /* the explanation: its look-ups cost nothing */
	bool name_counted;     /* %{p} has been counted as a term */
	const char *problem;
	struct str explain;        /* exp= of the record that failed; .p NULL: none */
	struct str explain_domain; /* and the domain it stood in */
};

/* What a step came to; results are below SPF_RESULTS. */
enum { SPF_STEP_ASK = SPF_RESULTS, SPF_STEP_MATCH, SPF_STEP_NO_MATCH };

/* Looks up; 0 and *out, or a step that ends the evaluation.  */
int spf_get(struct spf_eval *e, struct str name, uint16_t type, const struct dns_answer **out);
int spf_count_term(struct spf_eval *e); /* 0, or SPF_PERMERROR */
int spf_permerror(struct spf_eval *e, const char *problem);
int spf_temperror(struct spf_eval *e, const char *problem);

/* A domain-spec's name, ready to be asked for: 0, a step, or SPF_STEP_NO_MATCH: it is no name. */
int spf_target(struct spf_eval *e, struct str spec, struct str domain, struct str *out);
int spf_expand(struct spf_eval *e, struct str spec, struct str domain, bool explaining, size_t max,
    struct str *out);
/* The explanation of a failed record into *out; 0 (empty: none) or SPF_STEP_ASK. */
int spf_explain(struct spf_eval *e, struct str *out);
/* A mechanism other than include: SPF_STEP_MATCH, SPF_STEP_NO_MATCH, SPF_STEP_ASK, an error. */
int spf_mechanism(struct spf_eval *e, const struct spf_term *t, struct str domain);
/* The names of the client's address that lead back to it: 0 with *names (at most SPF_HOSTS_MAX) or
 * SPF_STEP_ASK; failures give fewer names. */
int spf_names(struct spf_eval *e, char (*names)[DNS_NAME_SIZE], size_t *n);

#endif
