#include "config.h"

#include "maildrop/mimegpg.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ARGS_MAX = 200 };

/* A file in memory.  Its descriptor is inherited only where the child puts it. */
static int memory(struct str text)
{
	int fd = memfd_create("mimegpg", MFD_CLOEXEC);
	if (fd < 0 || file_write_all(fd, text.p, text.n) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		mimegpg_fail("memory for gpg");
	return fd;
}

static void collect(int fd, struct buf *out)
{
	if (lseek(fd, 0, SEEK_SET) < 0 || file_read_fd(fd, out) < 0)
		mimegpg_fail("what gpg gave");
	close(fd);
}

/* The name RFC 3156 has for the hash of "[GNUPG:] SIG_CREATED type key-algorithm hash ...". */
static const char *micalg(struct str status)
{
	static const struct {
		uint64_t number;
		const char *name;
	} hashes[] = {{1, "pgp-md5"}, {2, "pgp-sha1"}, {3, "pgp-ripemd160"}, {8, "pgp-sha256"},
	    {9, "pgp-sha384"}, {10, "pgp-sha512"}, {11, "pgp-sha224"}};
	struct str line, word;
	while (str_split(&status, '\n', &line)) {
		uint64_t n = 0;
		if (!str_starts(line, STR("[GNUPG:] SIG_CREATED ")))
			continue;
		for (int i = 0; i < 5 && str_word(&line, &word); i++)
			if (i == 4)
				str_u64(word, &n);
		for (size_t i = 0; i < ARRAY_LEN(hashes); i++)
			if (hashes[i].number == n)
				return hashes[i].name;
	}
	return NULL;
}

struct files {
	int in, out, said, status, file;
};

static _Noreturn void child(const struct files *f, char **argv)
{
	/* The memory's descriptors stand above those that they are put on. */
	if (dup2(f->in, 0) < 0 || dup2(f->out, 1) < 0 || dup2(f->said, 2) < 0 ||
	    fcntl(f->status, F_SETFD, 0) < 0 || (f->file >= 0 && fcntl(f->file, F_SETFD, 0) < 0))
		_exit(127);
	execvp(argv[0], argv);
	dprintf(2, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

static int above_standard(int fd)
{
	int high = fcntl(fd, F_DUPFD_CLOEXEC, 10);
	if (high < 0)
		mimegpg_fail("a descriptor for gpg");
	close(fd);
	return high;
}

static void arguments(
    struct mimegpg *g, const char *const *args, const struct files *f, char **argv)
{
	const char *program = getenv("GPG");
	size_t n = 0;
	argv[n++] = mem_strdup(program && *program ? program : "gpg");
	argv[n++] = mem_printf("--status-fd=%d", f->status);
	if (g->passphrase >= 0) {
		argv[n++] = mem_strdup("--batch");
		argv[n++] = mem_strdup("--pinentry-mode=loopback");
		argv[n++] = mem_printf("--passphrase-fd=%d", g->passphrase);
	}
	for (size_t i = 0; g->more && g->more[i] && n < ARGS_MAX - 20; i++)
		argv[n++] = mem_strdup(g->more[i]);
	for (; *args; args++)
		argv[n++] =
		    strcmp(*args, "%s") ? mem_strdup(*args) : mem_printf("/dev/fd/%d", f->file);
	argv[n] = NULL;
}

void gpg_run(struct mimegpg *g, const char *const *args, struct str in, struct str file,
    struct gpg_result *out)
{
	char *argv[ARGS_MAX];
	int status = 0;
	struct files f = {above_standard(memory(in)), above_standard(memory(STR_NONE)),
	    above_standard(memory(STR_NONE)), above_standard(memory(STR_NONE)),
	    file.n ? above_standard(memory(file)) : -1};
	struct buf told;
	arguments(g, args, &f, argv);
	if (g->passphrase >= 0)
		lseek(g->passphrase, 0, SEEK_SET); /* a file serves every call, a pipe the first */
	pid_t pid = fork();
	if (pid == 0)
		child(&f, argv);
	if (pid < 0)
		mimegpg_fail("a process for gpg");
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	for (size_t i = 0; argv[i]; i++)
		free(argv[i]);
	buf_init(&out->out, MIMEGPG_MESSAGE_MAX);
	buf_init(&out->said, MIMEGPG_SAID_MAX);
	buf_init(&told, MIMEGPG_SAID_MAX);
	close(f.in);
	collect(f.out, &out->out);
	collect(f.said, &out->said);
	collect(f.status, &told);
	if (f.file >= 0)
		close(f.file);
	out->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
	out->micalg = micalg(buf_str(&told));
	buf_free(&told);
}

void gpg_result_free(struct gpg_result *r)
{
	buf_free(&r->out);
	buf_free(&r->said);
}
