/* The engine's insides, shared by its sources. */
#ifndef COURIER_FILTER_FILTER_PRIVATE_H
#define COURIER_FILTER_FILTER_PRIVATE_H

#include "filter/filter.h"

struct segment { /* of a text: literal, or the name of a variable */
	struct segment *next;
	struct str s;
	bool variable;
};

enum token_kind {
	T_END,
	T_SEPARATOR, /* end of line or ";" */
	T_TEXT,      /* quoted or bare */
	T_COMMAND,   /* `...` */
	T_PATTERN,
	T_WORD, /* a word of the language; `word` says which */
	T_OPEN,
	T_CLOSE,
	T_BLOCK,
	T_BLOCK_END,
	T_COMMA,
	T_ASSIGN,
	T_OP, /* `op` */
	T_ERROR,
};

enum operator{
	OP_NONE,
	OP_OR,
	OP_AND,
	OP_LT,
	OP_LE,
	OP_GT,
	OP_GE,
	OP_EQ,
	OP_NE,
	OP_SLT,
	OP_SLE,
	OP_SGT,
	OP_SGE,
	OP_SEQ,
	OP_SNE,
	OP_BITOR,
	OP_BITAND,
	OP_ADD,
	OP_SUB,
	OP_MUL,
	OP_DIV,
	OP_MATCH,
	OP_NOT,
	OP_COMPLEMENT,
};

enum word {
	W_NONE,
	W_IF,
	W_ELSIF,
	W_ELSE,
	W_WHILE,
	W_FOREACH,
	W_TO,
	W_CC,
	W_XFILTER,
	W_SYSTEM,
	W_DOTLOCK,
	W_FLOCK,
	W_EXCEPTION,
	W_EXIT,
	W_ECHO,
	W_LOG,
	W_LOGFILE,
	W_IMPORT,
	W_INCLUDE,
	W_UNSET,
	W_ESCAPE, /* functions from here on */
	W_GETADDR,
	W_HASADDR,
	W_LENGTH,
	W_SUBSTR,
	W_TOLOWER,
	W_TOUPPER,
	W_TIME,
	W_LOOKUP,
	W_GDBMOPEN,
	W_GDBMFETCH,
	W_GDBMSTORE,
	W_GDBMCLOSE,
};

struct pattern {
	struct segment *text;
	bool header, top_header, body, sensitive, weighted;
	double x, y;
	struct pattern_code *code; /* the last one compiled; internal to pattern.c */
	struct pattern *next;      /* all of one filter */
};

struct token {
	enum token_kind kind;
	unsigned line, column;
	struct segment *text; /* T_TEXT, T_COMMAND */
	struct pattern *pattern;
	enum word word;
	enum operator op;
	const char *wrong; /* T_ERROR */
};

struct lexer {
	struct str in;
	size_t at, line_start;
	unsigned line;
	bool after_assign;
	struct arena *a;
};
void lexer_token(struct lexer *lx, struct token *t);

enum node_kind {
	NODE_TEXT,
	NODE_COMMAND,
	NODE_JOIN,
	NODE_ASSIGN,
	NODE_OP,
	NODE_PATTERN,
	NODE_CALL
};

struct node {
	enum node_kind kind;
	unsigned line, column;
	struct node *a, *b; /* operands; NODE_CALL: a is the first argument */
	struct node *next;  /* the next argument */
	struct segment *text;
	struct pattern *pattern;
	enum operator op;
	enum word call;
};

struct statement {
	enum word what; /* W_NONE: an expression */
	unsigned line, column;
	struct node *expr;
	struct statement *body, *other; /* other: of if */
	struct statement *next;
};

struct filter {
	struct arena *a;
	char *name;
	struct statement *first;
	struct pattern *patterns;
};

/* A value lives in the statement's arena. */
struct value_list {
	struct str *v;
	size_t n, cap;
};

struct filter_run {
	const struct filter_host *host;
	void *ctx;
	char *const *env;
	int64_t deadline;
	bool late;
	struct filter_message msg;
	struct map *vars;
	size_t vars_size;
	struct arena *a; /* of the statement under way */
	struct buf error;
	uint64_t steps;
	unsigned include_depth;
	bool embedded, trusted;
	void *db; /* of the file under way */
	const char *file;
	unsigned line, column;
	filter_tracer tracer;
	void *tracer_ctx;
	/* what patterns see; made when first wanted */
	struct view {
		bool made;
		struct str whole; /* of the three below: the one that has it */
		struct str slice; /* of the message itself, when it says the same */
		struct buf text;
		char *map; /* a file without name */
		size_t map_size;
	} top, headers, body;
};

/* Where errors and what is told are from now on. */
void filter_at(struct filter_run *r, unsigned line, unsigned column);
bool filter_eval(struct filter_run *r, struct node *n, struct str *out);
bool filter_call(struct filter_run *r, struct node *n, struct str *out);
bool filter_db_close(struct filter_run *r);
bool filter_late(struct filter_run *r); /* the time is over: that is an error */
struct str filter_expand(struct filter_run *r, const struct segment *s); /* .p NULL: too much */
bool filter_true(struct str v);
double filter_double(struct str v);
struct str filter_from_double(struct filter_run *r, double d);
struct str filter_keep(struct filter_run *r, struct buf *b); /* into the arena; frees b */

/* Patterns.  subject NULL: the message.  Sets MATCH...; collect: every match is added (copied to
 * the heap, one after the other with a NUL between) instead of a score. */
bool pattern_run(struct filter_run *r, struct pattern *p, const struct str *subject, double *score,
    struct buf *collect);
/* For lookup(): 1, 0 or -1. */
int pattern_once(struct filter_run *r, struct str pattern, bool sensitive, struct str subject);
void pattern_free(struct pattern *p);
/* Of a pattern without variables, which can be known to be faulty before anything is done.  False:
 * *why tells, *at is the place in the pattern. */
bool pattern_check(const struct pattern *p, struct buf *why, size_t *at);

/* Views of the message for patterns; .p NULL: failed. */
enum view_kind { VIEW_TOP, VIEW_HEADERS, VIEW_BODY };
bool view_get(struct filter_run *r, enum view_kind k, struct str *out);
void view_forget(struct filter_run *r);

#endif
