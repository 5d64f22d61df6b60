/* The table of aliases and the instructions of the alias folder, as makealiases leaves them. */
#ifndef COURIER_SUBMIT_ALIAS_TABLE_H
#define COURIER_SUBMIT_ALIAS_TABLE_H

#include "submit/aliases.h"

struct alias_table {
	const char *tool, *output;
	const char *tmp;                 /* where it is made, or NULL: beside output */
	const char *xalias, *xalias_tmp; /* the folder of instructions; xalias_tmp may be NULL */
	const char *source;              /* whose aliases they are, or NULL */
	struct table_build *build;
	struct map *instructions; /* name -> struct buf */
};

/* 0, or -1 with errno. */
int alias_table_begin(struct alias_table *t);
void alias_table_end(struct alias_table *t);
/* Callbacks of struct alias_hooks and alias_set_each; ctx is the struct alias_table. */
int alias_table_instruction(void *ctx, struct str name, struct str line);
int alias_table_put(void *ctx, struct str key, struct str members);
/*
 * First the instructions, each replaced as a whole, then the table, then what no alias names any
 * more goes: whenever it ends, the table that is there finds all its instructions.
 */
int alias_table_commit(struct alias_table *t);
/* The table alone. */
int alias_table_place(struct alias_table *t);
void alias_table_abort(struct alias_table *t);

/* One alias as text that is read again as the same. */
bool alias_print(struct str key, struct str members, struct buf *out);

#endif
