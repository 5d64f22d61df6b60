/* libs/base: the promises its headers make. */
#include "config.h"

#include "base/base.h"
#include "base/descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static void test_numbers(void **state)
{
	uint64_t u = 7;
	int64_t i = 7;
	assert_true(str_u64(STR("18446744073709551615"), &u));
	assert_true(u == UINT64_MAX);
	u = 7;
	assert_false(str_u64(STR("18446744073709551616"), &u));
	assert_false(str_u64(STR(""), &u));
	assert_false(str_u64(STR("-1"), &u));
	assert_false(str_u64(STR("1 "), &u));
	assert_int_equal(u, 7);
	assert_true(str_i64(STR("-42"), &i));
	assert_int_equal(i, -42);
	assert_true(str_hex64(STR("fF"), &u));
	assert_int_equal(u, 255);
	assert_false(str_hex64(STR("10000000000000000"), &u));
}

static void test_pieces(void **state)
{
	struct str rest = STR("a,,b"), piece;
	assert_true(str_split(&rest, ',', &piece) && str_is(piece, "a"));
	assert_true(str_split(&rest, ',', &piece) && piece.n == 0);
	assert_true(str_split(&rest, ',', &piece) && str_is(piece, "b"));
	assert_false(str_split(&rest, ',', &piece));
	rest = STR("  mail  from\t:<> ");
	assert_true(str_word(&rest, &piece) && str_is(piece, "mail"));
	assert_true(str_word(&rest, &piece) && str_is(piece, "from"));
	assert_true(str_word(&rest, &piece) && str_is(piece, ":<>"));
	assert_false(str_word(&rest, &piece));
	assert_true(str_ieq(STR("MaIl"), STR("mAiL")));
	assert_false(str_ieq(STR("a\0b"), STR("a\0c")));
	assert_int_equal(str_find(STR("xxab"), STR("ab")), 2);
	assert_int_equal(str_ifind(STR("xxAb"), STR("aB")), 2);
}

static void test_buf_limit(void **state)
{
	struct buf b;
	buf_init(&b, 10);
	assert_true(buf_addz(&b, "0123456789"));
	assert_false(buf_addc(&b, 'x'));
	assert_true(b.failed);
	assert_string_equal(b.p, "0123456789");
	buf_clear(&b);
	assert_true(buf_addf(&b, "%d", 1234567890));
	buf_cut(&b, 4);
	assert_string_equal(b.p, "567890");
	buf_free(&b);
}

static void test_arena_limit(void **state)
{
	struct arena *a = arena_new(1000);
	assert_non_null(arena_alloc(a, 500));
	assert_null(arena_alloc(a, 600));
	arena_reset(a);
	assert_non_null(arena_alloc(a, 600));
	assert_null(arena_alloc(a, SIZE_MAX));
	assert_string_equal(arena_printf(a, "%s-%d", "x", 5), "x-5");
	struct str low = arena_lower(a, STR("MiXed-\xc3\x84"));
	assert_true(str_is(low, "mixed-\xc3\x84")); /* ASCII alone */
	arena_free(a);
}

static void roundtrip(bool (*enc)(struct str, struct buf *), bool (*dec)(struct str, struct buf *))
{
	char all[256];
	struct buf e, d;
	buf_init(&e, 4096);
	buf_init(&d, 4096);
	for (int i = 0; i < 256; i++)
		all[i] = (char)i;
	for (size_t n = 0; n <= 256; n++) {
		buf_clear(&e);
		buf_clear(&d);
		assert_true(enc(str_at(all + (256 - n), n), &e));
		assert_true(dec(buf_str(&e), &d));
		assert_true(str_eq(buf_str(&d), str_at(all + (256 - n), n)));
	}
	buf_free(&e);
	buf_free(&d);
}

static void test_codecs(void **state)
{
	struct buf b;
	roundtrip(base64_encode, base64_decode);
	roundtrip(hex_encode, hex_decode);
	roundtrip(field_encode, field_decode);
	roundtrip(xtext_encode, xtext_decode);
	buf_init(&b, 100);
	assert_false(base64_decode(STR("Zg="), &b));
	assert_false(base64_decode(STR("Zh=="), &b)); /* loose bits */
	assert_false(base64_decode(STR("Z==="), &b));
	assert_false(base64_decode(STR("=AAA"), &b));
	assert_false(field_decode(STR("a\tb"), &b));
	assert_false(field_decode(STR("a\\"), &b));
	assert_false(xtext_decode(STR("+4"), &b));
	buf_clear(&b);
	assert_true(printable(STR("a\r\n\xc3\xa4\xff\\"), 100, &b));
	assert_string_equal(b.p, "a\\x0D\\x0A\xc3\xa4\\xFF\\\\");
	buf_free(&b);
	assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
	assert_int_equal(crc32c(crc32c(0, "1234", 4), "56789", 5), 0xe3069283);
}

static void test_map(void **state)
{
	struct map *m = map_new();
	static int values[2000];
	char key[16];
	for (int i = 0; i < 2000; i++) {
		snprintf(key, sizeof key, "k%d", i);
		assert_true(map_set(m, str_of(key), &values[i]));
	}
	for (int i = 0; i < 2000; i += 2) {
		snprintf(key, sizeof key, "k%d", i);
		assert_ptr_equal(map_del(m, str_of(key)), &values[i]);
	}
	assert_int_equal(map_count(m), 1000);
	for (int i = 0; i < 2000; i++) {
		snprintf(key, sizeof key, "k%d", i);
		assert_ptr_equal(map_get(m, str_of(key)), i % 2 ? &values[i] : NULL);
	}
	size_t at = 0, seen = 0;
	struct str k;
	void *v;
	while (map_next(m, &at, &k, &v))
		seen++;
	assert_int_equal(seen, 1000);
	map_free(m, NULL);
}

/* Who may change the way to a file, seen name by name. */
static void test_ways(void **state)
{
	char dir[] = "/tmp/courier-base-XXXXXX", path[100];
	assert_non_null(mkdtemp(dir));
	int d = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	static const char *const folders[] = {"a", "a/b", "open", "open/c", "sticky"};
	static const char *const files[] = {"a/b/f", "open/c/f", "sticky/f"};
	static const struct {
		const char *from, *to;
	} links[] = {{"near", "a/b/f"}, {"folder", "a"}, {"out", "open/c/f"},
	    {"hop", "open/c/back"}, {"open/c/back", "../../a/b/f"}, {"loop", "loop"},
	    {"up", "a/../near"}};
	for (size_t i = 0; i < ARRAY_LEN(folders); i++)
		assert_int_equal(mkdirat(d, folders[i], 0700), 0);
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		assert_int_equal(file_replace(d, files[i], "x", 1, 0600), 0);
	for (size_t i = 0; i < ARRAY_LEN(links); i++)
		assert_int_equal(symlinkat(links[i].to, d, links[i].from), 0);
	assert_int_equal(fchmodat(d, "open", 0777, 0), 0);
	assert_int_equal(fchmodat(d, "sticky", 01777, 0), 0);
	static const struct {
		const char *path;
		bool way, path_too;
	} cases[] = {
	    {"a/b/f", true, true},
	    {"near", true, true},
	    {"up", true, true},
	    {"folder/b/../b//f", true, true},
	    {"a/b", true, true},
	    {"sticky/f", false, true},  /* the name could be a second one of anything */
	    {"open/c/f", false, false}, /* not the last folder, but one before it */
	    {"out", false, false},
	    {"hop", false, false}, /* begins and ends well, by way of a link in others' hands */
	    {"loop", false, false},
	    {"a/none", false, false},
	    {"a/b/f/g", false, false},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		snprintf(path, sizeof path, "%s/%s", dir, cases[i].path);
		assert_int_equal(file_way_trusted(path, geteuid()), cases[i].way);
		assert_int_equal(file_path_trusted(path, geteuid()), cases[i].path_too);
	}
	snprintf(path, sizeof path, "%s/a/b/f", dir);
	if (geteuid() == 0) { /* the file may be another's, its folder may not */
		assert_int_equal(fchownat(d, "a/b/f", 1, 1, 0), 0);
		assert_true(file_way_trusted(path, 0));
		assert_false(file_path_trusted(path, 0));
		assert_int_equal(fchownat(d, "a", 1, 1, 0), 0);
		assert_false(file_way_trusted(path, 0));
	}
	assert_false(file_way_trusted("a/b/f", geteuid()));
	for (size_t i = 0; i < ARRAY_LEN(links); i++)
		assert_int_equal(unlinkat(d, links[i].from, 0), 0);
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		assert_int_equal(unlinkat(d, files[i], 0), 0);
	for (size_t i = ARRAY_LEN(folders); i-- > 0;)
		assert_int_equal(unlinkat(d, folders[i], AT_REMOVEDIR), 0);
	close(d);
	assert_int_equal(rmdir(dir), 0);
}

static void test_files(void **state)
{
	char dir[] = "/tmp/courier-base-XXXXXX", path[64];
	struct buf b;
	assert_non_null(mkdtemp(dir));
	int d = open(dir, O_RDONLY | O_DIRECTORY);
	assert_int_equal(file_mkdirs(d, "a/b/c", 0700), 0);
	assert_int_equal(file_mkdirs(d, "a/b/c", 0700), 0);
	assert_int_equal(file_replace(d, "a/b/f", "one", 3, 0600), 0);
	assert_int_equal(file_replace(d, "a/b/f", "two!", 4, 0600), 0);
	buf_init(&b, 4);
	assert_int_equal(file_read(d, "a/b/f", &b), 0);
	assert_string_equal(b.p, "two!");
	buf_free(&b);
	buf_init(&b, 3);
	assert_int_equal(file_read(d, "a/b/f", &b), -1);
	assert_int_equal(errno, EFBIG);
	buf_free(&b);
	assert_int_equal(symlinkat("f", d, "a/b/link"), 0);
	assert_int_equal(file_open_read(d, "a/b/link"), -1);
	assert_int_equal(file_open_read(d, "a/b"), -1);
	assert_int_equal(mkfifoat(d, "fifo", 0600), 0);
	assert_int_equal(file_open_read(d, "fifo"), -1);
	static const char *const files[] = {"a/b/f", "a/b/link", "fifo"};
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		assert_int_equal(unlinkat(d, files[i], 0), 0);
	assert_int_equal(unlinkat(d, "a/b/c", AT_REMOVEDIR), 0);
	assert_int_equal(unlinkat(d, "a/b", AT_REMOVEDIR), 0); /* no temporary file was left */
	assert_int_equal(unlinkat(d, "a", AT_REMOVEDIR), 0);
	close(d);
	snprintf(path, sizeof path, "%s", dir);
	assert_int_equal(rmdir(path), 0);
}

static void test_unlink_below(void **state)
{
	char dir[] = "/tmp/base-test.XXXXXX";
	static const char *const names[] = {"9", "10", "11", "7a", "99999999999999999999"};
	assert_non_null(mkdtemp(dir));
	int fd = open(dir, O_RDONLY | O_DIRECTORY);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		assert_int_equal(file_replace(fd, names[i], "x", 1, 0600), 0);
	file_unlink_below(fd, 11);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		assert_int_equal(faccessat(fd, names[i], F_OK, 0), i < 2 ? -1 : 0);
		unlinkat(fd, names[i], 0);
	}
	close(fd);
	assert_int_equal(rmdir(dir), 0);
}

static void test_clock(void **state)
{
	char out[CLOCK_ISO_SIZE];
	assert_string_equal(clock_iso(0, out), "1970-01-01T00:00:00Z");
	assert_string_equal(clock_iso(4102444800, out), "2100-01-01T00:00:00Z");
	int64_t a = clock_unique_us(), b = clock_unique_us();
	assert_true(b > a);
}

/* What we ignore and hold back does not go over to a program. */
static void test_child_signals(void **state UNUSED)
{
	sigset_t held;
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		sigemptyset(&held);
		sigaddset(&held, SIGTERM);
		sigprocmask(SIG_BLOCK, &held, NULL);
		signal(SIGTERM, SIG_IGN);
		child_signals();
		raise(SIGTERM);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
}

static void test_descriptor(void **state UNUSED)
{
	int pair[2], pipe_end[2], fd;
	char got[4];
	bool cut;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(pipe(pipe_end), 0);
	assert_int_equal(descriptor_send(pair[0], "abc", 3, pipe_end[1]), 0);
	assert_int_equal(descriptor_receive(pair[1], got, sizeof got, 0, &fd, &cut), 3);
	assert_false(cut);
	assert_true(fd >= 0 && (fcntl(fd, F_GETFD) & FD_CLOEXEC));
	assert_int_equal(write(fd, "x", 1), 1);
	assert_int_equal(read(pipe_end[0], got, sizeof got), 1);
	close(fd);
	assert_int_equal(descriptor_send(pair[0], "abcde", 5, -1), 0);
	assert_int_equal(descriptor_receive(pair[1], got, sizeof got, 0, &fd, &cut), 4);
	assert_true(cut);
	assert_int_equal(fd, -1);
	close(pair[0]);
	assert_int_equal(descriptor_receive(pair[1], got, sizeof got, 0, &fd, &cut), 0);
	assert_int_equal(descriptor_send(pair[1], "a", 1, -1), -1);
	close(pair[1]);
	close(pipe_end[0]);
	close(pipe_end[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_child_signals),
	    cmocka_unit_test(test_numbers),
	    cmocka_unit_test(test_pieces),
	    cmocka_unit_test(test_buf_limit),
	    cmocka_unit_test(test_arena_limit),
	    cmocka_unit_test(test_codecs),
	    cmocka_unit_test(test_map),
	    cmocka_unit_test(test_files),
	    cmocka_unit_test(test_ways),
	    cmocka_unit_test(test_unlink_below),
	    cmocka_unit_test(test_clock),
	    cmocka_unit_test(test_descriptor),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
