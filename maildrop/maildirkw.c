/* maildirkw: the keywords of messages in a Maildir or folder. */
#include "config.h"

#include "maildir/maildir.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char usage[] = "usage: maildirkw [-c] [-l] [-a | -r] MAILDIR MESSAGE [KEYWORD ...]\n"
			    "       maildirkw [-c] [-l] -L MAILDIR\n";

static struct {
	bool exact, dot_lock, add, remove, list;
} opt;

static _Noreturn void refuse(void)
{
	fputs(usage, stderr);
	exit(1);
}

static _Noreturn void fail(const char *what, const char *name)
{
	fprintf(stderr, "maildirkw: %s '%s': %s\n", what, name, strerror(errno));
	exit(1);
}

static struct maildir_folder *open_folder(const char *dir)
{
	unsigned flags = MAILDIR_READ_ONLY | MAILDIR_NO_KEYWORDS;
	if (opt.exact)
		flags |= MAILDIR_KEYWORD_CASE;
	struct maildir_folder *f = maildir_folder_open(dir, flags);
	if (!f || maildir_folder_sync(f, true) < 0)
		fail("cannot open the folder", dir);
	return f;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void print_words(const struct maildir_folder *f, const struct maildir_kwset *set)
{
	char **words = mem_alloc(set->n * sizeof *words);
	for (unsigned k = 0; k < set->n; k++)
		words[k] = f->words.v[set->v[k]];
	qsort(words, set->n, sizeof *words, by_name);
	for (unsigned k = 0; k < set->n; k++)
		printf(" %s", words[k]);
	free(words);
}

static void list(const struct maildir_folder *f)
{
	for (size_t i = 0; i < f->msgs.n; i++) {
		const struct maildir_msg *m = &f->msgs.v[i];
		if (m->gone || !m->keywords)
			continue;
		printf("%.*s", STR_FMT(maildir_msg_base(m)));
		print_words(f, m->keywords);
		putchar('\n');
	}
}

static struct maildir_msg *find(struct maildir_folder *f, struct str base)
{
	for (size_t i = 0; i < f->msgs.n; i++)
		if (!f->msgs.v[i].gone && str_eq(maildir_msg_base(&f->msgs.v[i]), base))
			return &f->msgs.v[i];
	return NULL;
}

/* The base name, whatever of the file's name was given. */
static struct str base_of(const char *message)
{
	struct maildir_name name;
	if (!maildir_name_parse(str_of(message), &name)) {
		fprintf(stderr, "maildirkw: '%s' is no message's file name without its folder\n",
		    message);
		exit(1);
	}
	return name.base;
}

/* The words given on the command line, indexes into f's. */
static size_t given(struct maildir_folder *f, char **words, uint16_t *out)
{
	size_t n = 0;
	for (; *words; words++) {
		int i = maildir_folder_word(f, str_of(*words), true);
		if (i < 0) {
			fprintf(stderr, "maildirkw: '%s' is no keyword, or one too many\n", *words);
			exit(1);
		}
		if (n < KEYWORDS_PER_FOLDER)
			out[n++] = (uint16_t)i;
	}
	return n;
}

static bool in_list(const uint16_t *v, size_t n, uint16_t word)
{
	while (n > 0)
		if (v[--n] == word)
			return true;
	return false;
}

static void change(struct maildir_folder *f, struct maildir_msg *m, char **args)
{
	uint16_t words[KEYWORDS_PER_FOLDER], out[2 * KEYWORDS_PER_FOLDER];
	size_t n = given(f, args, words), total = 0;
	for (unsigned k = 0; m->keywords && k < m->keywords->n && (opt.add || opt.remove); k++)
		if (!in_list(words, n, m->keywords->v[k]))
			out[total++] = m->keywords->v[k];
	for (size_t k = 0; k < n && !opt.remove; k++)
		if (!in_list(out, total, words[k]))
			out[total++] = words[k];
	if (maildir_folder_set_keywords(f, (size_t)(m - f->msgs.v), out, (unsigned)total) < 0)
		fail("cannot set keywords of a message in", f->dir);
}

static void change_message(struct maildir_folder *f, char **args)
{
	struct maildir_lock lock;
	if (maildir_lock_take(&lock, f->fd, opt.dot_lock) < 0)
		fail("cannot lock", f->dir);
	struct maildir_msg *m = find(f, base_of(args[0]));
	if (!m) {
		errno = ENOENT;
		fail("there is no message", args[0]);
	}
	if (maildir_folder_merge_keywords(f) < 0)
		fail("cannot read the keywords of", f->dir);
	change(f, m, args + 1);
	maildir_lock_drop(&lock);
}

static char **read_options(int argc, char **argv)
{
	int c;
	while ((c = getopt(argc, argv, "+clarL")) != -1) {
		switch (c) {
		case 'c':
			opt.exact = true;
			break;
		case 'l':
			opt.dot_lock = true;
			break;
		case 'a':
			opt.add = true;
			break;
		case 'r':
			opt.remove = true;
			break;
		case 'L':
			opt.list = true;
			break;
		default:
			refuse();
		}
	}
	argv += optind;
	size_t n = (size_t)(argc - optind);
	if ((opt.add && opt.remove) || (opt.list && (n != 1 || opt.add || opt.remove)) ||
	    (!opt.list && n < 2))
		refuse();
	return argv;
}

int main(int argc, char **argv)
{
	log_open("maildirkw", LOG_TO_STDERR, -1);
	char **args = read_options(argc, argv);
	struct maildir_folder *f = open_folder(args[0]);
	if (!opt.list) {
		change_message(f, args + 1);
	} else {
		if (maildir_folder_merge_keywords(f) < 0)
			fail("cannot read the keywords of", args[0]);
		list(f);
	}
	maildir_folder_close(&f);
	return fflush(stdout) == 0 ? 0 : 1;
}
