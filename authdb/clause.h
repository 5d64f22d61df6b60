/*
 * Statements with $(variables), as the settings *_SELECT_CLAUSE and kin have them.
 *
 * What a client says never becomes part of the text of a statement: each string literal that holds
 * a variable, and each variable outside of one, is replaced by a parameter of the database's own
 * kind
 * (? or $1), whose value is the literal's with the variables in their places.  So no quoting, and
 * no way around it.  Pure.
 */
#ifndef COURIER_AUTHDB_CLAUSE_H
#define COURIER_AUTHDB_CLAUSE_H

#include "base/base.h"

enum clause_dialect { CLAUSE_MYSQL, CLAUSE_PGSQL, CLAUSE_SQLITE };

enum clause_variable {
	CLAUSE_LOCAL_PART,
	CLAUSE_DOMAIN,
	CLAUSE_SERVICE,
	CLAUSE_NEWPASS,
	CLAUSE_NEWPASS_CRYPT,
	CLAUSE_LOGIN, /* of the statements that we make ourselves */
	CLAUSE_VARIABLES,
};

enum { CLAUSE_PARAMS_MAX = 64, CLAUSE_PIECES_MAX = 256, CLAUSE_TEXT_MAX = 64 * 1024 };

struct clause_piece {
	int variable; /* -1: text */
	struct str text;
};

struct clause { /* in the arena */
	const char *sql;
	unsigned n;
	struct {
		unsigned first, n; /* pieces */
	} param[CLAUSE_PARAMS_MAX];
	struct clause_piece piece[CLAUSE_PIECES_MAX];
	unsigned n_pieces;
};

/* allowed: bits 1 << CLAUSE_*.  NULL: *why (in the arena) says what is wrong with the statement. */
struct clause *clause_parse(
    enum clause_dialect d, const char *text, unsigned allowed, struct arena *a, const char **why);
/* The value of parameter i; .p NULL: no memory. */
struct str clause_value(
    const struct clause *c, unsigned i, const struct str values[CLAUSE_VARIABLES], struct arena *a);

#endif
