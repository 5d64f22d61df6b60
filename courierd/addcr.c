/* addcr: lines that end in LF get a CR before it; those that have one are left as they are. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	int c, before = 0;
	if (argc > 1) {
		fprintf(stderr, "usage: %s <input >output\n", argv[0]);
		return EXIT_FAILURE;
	}
	while ((c = getchar_unlocked()) != EOF) {
		if (c == '\n' && before != '\r')
			putchar_unlocked('\r');
		putchar_unlocked(c);
		before = c;
	}
	if (ferror(stdin) || fflush(stdout) || ferror(stdout)) {
		perror("addcr");
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
