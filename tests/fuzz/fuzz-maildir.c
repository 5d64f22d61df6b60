/* Names, UID lists, quota files and keyword stores of a Maildir: files that others may have
 * written. */
#include "config.h"

#include "maildir/maildir.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dir[] = "/tmp/fuzz-maildir.XXXXXX";

static void remove_dir(void)
{
	if (fork() == 0) {
		execlp("rm", "rm", "-rf", dir, (char *)NULL);
		_exit(1);
	}
}

/* In two pieces, as when it has grown. */
static void modseqs(struct str in)
{
	struct maildir_modseqs m = {0};
	struct str rest = in;
	uint32_t validity = 1;
	uint64_t highest;
	size_t half = in.n / 2;
	maildir_modseq_head(&rest, &validity, &highest);
	maildir_modseqs_parse(&m, in, validity);
	maildir_modseqs_parse(&m, str_head(in, half), validity);
	maildir_modseqs_more(&m, str_at(in.p + half, in.n - half));
	for (size_t i = 0; i < m.v.n; i++)
		if (!m.v.v[i].modseq || m.v.v[i].modseq > m.highest ||
		    m.v.v[i].uid <= (i ? m.v.v[i - 1].uid : 0))
			abort();
	if (m.highest > INT64_MAX)
		abort();
	maildir_modseqs_free(&m);
}

static void pure(struct str in)
{
	struct maildir_name m;
	struct maildir_quota q;
	struct str rest = in, base;
	uint32_t validity, next, last, before;
	size_t lines;
	char letters[MAILDIR_LETTERS_MAX + 1];
	if (maildir_name_parse(in, &m)) {
		maildir_flags_letters(m.flags, m.letters, letters);
		if (maildir_flags_of(str_of(letters)) != m.flags)
			abort();
	}
	maildir_folder_ok(in);
	maildir_quota_sum(in, &q, &lines);
	modseqs(in);
	rest = in;
	last = before = 0;
	maildir_uiddb_head(&rest, &validity, &next);
	while (maildir_uiddb_line(&rest, &last, &base)) {
		if (last <= before || base.n == 0)
			abort();
		before = last;
	}
}

/* Access lists and the index of shared folders. */
static void shared(struct str in)
{
	struct maildir_acl acl = {0};
	struct maildir_identity who;
	struct maildir_index_line e;
	struct str rest = in, line;
	struct buf name;
	char room[512];
	maildir_acl_parse(in, &acl);
	maildir_identity_parse(STR("a"), in, &who, room, sizeof room);
	if (acl.entries.n > MAILDIR_ACL_ENTRIES ||
	    maildir_access(&who, false, &acl, MAILDIR_READ) > MAILDIR_HIDE)
		abort();
	maildir_acl_free(&acl);
	while (str_split(&rest, '\n', &line)) {
		if (!maildir_index_line(line, &e))
			continue;
		buf_init(&name, MAILDIR_INDEX_NAME_MAX * 2);
		if (!maildir_index_munge(e.name, true, &name) || str_chr(buf_str(&name), '.') >= 0)
			abort();
		if (e.file.n ? str_chr(e.file, '/') >= 0 : e.home.p[0] != '/')
			abort();
		buf_free(&name);
	}
}

/* A whole folder whose UID list and keyword list are the input. */
static void folder(struct str in)
{
	static int fd = -1;
	if (fd < 0) {
		if (!mkdtemp(dir) || maildir_make(dir, 0700) < 0)
			abort();
		atexit(remove_dir);
		fd = open(dir, O_RDONLY | O_DIRECTORY);
		mkdirat(fd, "courierimapkeywords", 0700);
		close(openat(fd, "cur/1.a:2,", O_CREAT | O_WRONLY, 0600));
		close(openat(fd, "cur/2.b,S=5:2,S", O_CREAT | O_WRONLY, 0600));
	}
	maildir_put_file(fd, "courierimapuiddb", in, false);
	maildir_put_file(fd, "courierimapkeywords/:list", in, false);
	maildir_put_file(fd, "courierimapkeywords/1.a", in, false);
	struct maildir_folder *f = maildir_folder_open(dir, MAILDIR_READ_ONLY);
	if (!f || maildir_folder_sync(f, false) < 0 || f->msgs.n != 2 ||
	    f->msgs.v[0].uid >= f->msgs.v[1].uid || f->msgs.v[1].uid >= f->uidnext)
		abort();
	struct maildir_modseqs m = {0};
	maildir_put_file(fd, "courierimapmodseq", in, false);
	if (maildir_modseqs_update(&m, f) < 0 || m.v.n != 2 || !m.highest ||
	    m.highest < m.v.v[0].modseq || m.highest < m.v.v[1].modseq)
		abort();
	maildir_modseqs_free(&m);
	maildir_folder_close(&f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = str_at(data, size);
	pure(in);
	shared(in);
	if (size < 4096)
		folder(in);
	return 0;
}
