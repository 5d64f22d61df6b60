/* Private to reformail. */
#ifndef COURIER_MAILDROP_REFORMAIL_H
#define COURIER_MAILDROP_REFORMAIL_H

#include "base/base.h"

enum { INPUT_MAX = 1 << 30 };

_Noreturn void refuse(void);           /* how it is called */
_Noreturn void fail(const char *what); /* with errno */

static inline bool blank(struct str raw)
{
	return !str_trim(raw).n;
}

/* With its end. */
static inline struct str first_line(struct str s)
{
	ptrdiff_t nl = str_chr(s, '\n');
	return nl < 0 ? s : str_head(s, (size_t)nl + 1);
}

/* reformail-split.c: the exit status. */
int split_mailbox(char **argv);

#endif
