/* mailbot: options, input, and sending. */
#include "config.h"

#include "maildrop/mailbot.h"
#include "unicode/unicode.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

static const char usage[] =
    "usage: mailbot [-t FILE | -m FILE | -l MAILDIR] [-T FORMAT] [-A 'Header: value'] "
    "[-f[ADDRESS]]\n"
    "               [-s SUBJECT] [-S SALUTATION] [-F MARKER] [-N] [-a] [-e] [-r ADDRESSES]\n"
    "               [-d FILE] [-D DAYS] [-c CHARSET] [-M ADDRESS] [-R TYPE] [-n]\n"
    "               [--feedback-FIELD VALUE] [PROGRAM [ARGUMENT ...]]\n"
    "formats: reply replyall replydsn replydraft forward forwardatt feedback replyfeedback\n"
    "feedback fields: original-envelope-id original-mail-from reporting-mta source-ip incidents\n"
    "                 authentication-results original-rcpt-to reported-domain\n"
    "the character set is UTF-8 unless -c names another\n";

static const char *const formats[MAILBOT_FORMATS] = {"reply", "replyall", "replydsn", "replydraft",
    "forward", "forwardatt", "feedback", "replyfeedback"};

static const struct {
	const char *option, *field;
	bool many;
} feedback_fields[] = {
    {"original-envelope-id", "Original-Envelope-Id", false},
    {"original-mail-from", "Original-Mail-From", false},
    {"reporting-mta", "Reporting-MTA", false},
    {"source-ip", "Source-IP", false},
    {"incidents", "Incidents", false},
    {"authentication-results", "Authentication-Results", true},
    {"original-rcpt-to", "Original-Rcpt-To", true},
    {"reported-domain", "Reported-Domain", true},
};

void mailbot_fail(int status, const char *what, const char *why)
{
	fprintf(stderr, "mailbot: %s: %s\n", what, why);
	exit(status);
}

static _Noreturn void refuse(const char *why)
{
	fprintf(stderr, "%s%s%s", why ? "mailbot: " : "", why ? why : "", why ? "\n" : "");
	fputs(usage, stderr);
	exit(EX_USAGE);
}

/* ---- options --------------------------------------------------------------------------------- */

static void set_format(struct mailbot *b, const char *name)
{
	for (int i = 0; i < MAILBOT_FORMATS; i++)
		if (strcmp(formats[i], name) == 0) {
			b->format = (enum mailbot_format)i;
			b->format_given = true;
			return;
		}
	refuse("no such format");
}

static void set_feedback(struct mailbot *b, const char *option, const char *value)
{
	for (size_t i = 0; i < ARRAY_LEN(feedback_fields); i++) {
		if (strcmp(feedback_fields[i].option, option) != 0)
			continue;
		for (size_t k = 0; !feedback_fields[i].many && k < b->facts.n; k++)
			if (b->facts.v[k].name == feedback_fields[i].field)
				refuse("a field of the feedback twice");
		if (b->facts.n >= MAILBOT_FACTS_MAX || str_has_ctl(str_of(value)))
			refuse("a field of the feedback is not good");
		vec_push(&b->facts, ((struct mailbot_fact){feedback_fields[i].field, value}));
		return;
	}
	refuse("no such field of a feedback report");
}

static void set_flag(struct mailbot *b, const char *word)
{
	switch (word[1]) {
	case 'N':
		b->no_quote = true;
		break;
	case 'a':
		b->attach_all = true;
		break;
	case 'e':
		b->prefer_errors_to = true;
		break;
	case 'n':
		b->show = true;
		break;
	default:
		refuse("no such option");
	}
	if (word[2])
		refuse("no such option");
}

static void set_days(struct mailbot *b, const char *value)
{
	if (!str_i64(str_of(value), &b->days) || b->days < 1 || b->days > 36500)
		refuse("-D wants days, 1 or more");
}

static void set_value(struct mailbot *b, char letter, const char *value)
{
	switch (letter) {
	case 't':
		b->text_file = value;
		break;
	case 'm':
		b->mime_file = value;
		break;
	case 'c':
		b->charset = value;
		break;
	case 'l':
		b->draft_folder = value;
		break;
	case 'T':
		set_format(b, value);
		break;
	case 'R':
		b->feedback_type = value;
		break;
	case 'S':
		b->salutation = value;
		break;
	case 'F':
		b->marker = value;
		break;
	case 'r':
		b->required = value;
		break;
	case 'd':
		b->database = value;
		break;
	case 'D':
		set_days(b, value);
		break;
	case 's':
		b->subject = value;
		break;
	case 'A':
		vec_push(&b->fields, value);
		break;
	case 'M':
		b->dsn_address = value;
		set_format(b, "replydsn");
		break;
	}
}

/* One word; how many further words it took, or -1: here the program begins. */
static int read_option(struct mailbot *b, char **argv)
{
	const char *w = argv[0];
	if (w[0] != '-' || !w[1])
		return -1;
	if (strncmp(w, "--feedback-", 11) == 0) {
		if (!argv[1])
			refuse("an option's value is missing");
		set_feedback(b, w + 11, argv[1]);
		return 1;
	}
	if (w[1] == 'f') {
		b->to = w + 2;
		return 0;
	}
	if (!strchr("tmclTRSFrdDsAM", w[1])) {
		set_flag(b, w);
		return 0;
	}
	if (!w[2] && !argv[1])
		refuse("an option's value is missing");
	set_value(b, w[1], w[2] ? w + 2 : argv[1]);
	return w[2] ? 0 : 1;
}

/* What goes into the answer's header must not end it. */
static void check_lines(const struct mailbot *b)
{
	const char *lines[] = {b->subject, b->dsn_address, b->to, b->charset};
	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		if (lines[i] && str_has_ctl(str_of(lines[i])))
			refuse("a control character in an option");
	for (size_t i = 0; i < b->fields.n; i++)
		if (!strchr(b->fields.v[i], ':') ||
		    str_find(str_of(b->fields.v[i]), STR("\n\n")) >= 0)
			refuse("-A wants a header field");
}

static void check_options(const struct mailbot *b)
{
	static const char *const types[] = {"abuse", "fraud", "other", "virus"};
	bool feedback = b->format == MAILBOT_FEEDBACK || b->format == MAILBOT_REPLYFEEDBACK;
	bool known = false;
	for (size_t i = 0; b->feedback_type && i < ARRAY_LEN(types); i++)
		known |= strcmp(types[i], b->feedback_type) == 0;
	if (feedback != (b->feedback_type != NULL) || (feedback && !known))
		refuse("feedback goes with -R abuse, fraud, other or virus");
	if ((b->format == MAILBOT_REPLYDRAFT) != (b->draft_folder != NULL))
		refuse("-T replydraft goes with -l");
	if (b->format == MAILBOT_REPLYDSN && !b->dsn_address)
		refuse("-T replydsn wants -M");
	if (!!b->text_file + !!b->mime_file + !!b->draft_folder > 1)
		refuse("one of -t, -m and -l");
	check_lines(b);
}

/* ---- input ----------------------------------------------------------------------------------- */

static struct str read_file(const char *path)
{
	struct buf in;
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : 0;
	buf_init(&in, MAILBOT_INPUT_MAX);
	if (fd < 0 || file_read_fd(fd, &in) < 0)
		mailbot_fail(errno == ENOENT ? EX_NOINPUT : EX_TEMPFAIL,
		    path ? path : "the message", strerror(errno));
	if (path)
		close(fd);
	return buf_str(&in);
}

static void read_message(struct mailbot *b)
{
	b->message = read_file(NULL);
	b->header = str_head(b->message, header_length(b->message, NULL));
	if (mime_parse(b->arena, b->message, &mime_default_limits, &b->mime) < 0)
		mailbot_fail(EX_TEMPFAIL, "the message", "no memory");
}

/* Text with fields of MIME before it. */
static void take_text(struct mailbot *b, struct str entity, const char *path)
{
	struct mime_result m;
	bool flowed, delsp;
	if (mime_parse(b->arena, entity, &mime_default_limits, &m) < 0 ||
	    !mailbot_plain_text(b->arena, entity, m.root, &b->text, &flowed, &delsp))
		mailbot_fail(EX_DATAERR, path, "there is no text/plain in it");
	struct str charset = mime_param_value(b->arena, m.root->params, "charset");
	if (b->mime_file && charset.n)
		b->charset = arena_strz(b->arena, charset);
}

/* The newest message of a Maildir, or NULL. */
static char *newest(const char *maildir)
{
	char *best = NULL;
	struct timespec best_time = {0};
	for (int i = 0; i < 2; i++) {
		char *folder = mem_printf("%s/%s", maildir, i ? "new" : "cur");
		DIR *d = opendir(folder);
		struct dirent *e;
		struct stat st;
		while (d && (e = readdir(d))) {
			if (e->d_name[0] == '.' || fstatat(dirfd(d), e->d_name, &st, 0) < 0 ||
			    !S_ISREG(st.st_mode))
				continue;
			if (best && (st.st_mtim.tv_sec < best_time.tv_sec ||
					(st.st_mtim.tv_sec == best_time.tv_sec &&
					    st.st_mtim.tv_nsec <= best_time.tv_nsec)))
				continue;
			free(best);
			best = mem_printf("%s/%s", folder, e->d_name);
			best_time = st.st_mtim;
		}
		if (d)
			closedir(d);
		free(folder);
	}
	return best;
}

static void read_text(struct mailbot *b)
{
	if (b->text_file) {
		struct str raw = read_file(b->text_file);
		b->text = charset_to_utf8(b->arena, str_of(b->charset ? b->charset : "utf-8"), raw);
		if (!b->text.p && raw.n)
			mailbot_fail(EX_USAGE, b->charset, "no such character set");
	} else if (b->mime_file) {
		take_text(b, read_file(b->mime_file), b->mime_file);
	} else if (b->draft_folder) {
		char *path = newest(b->draft_folder);
		if (!path)
			exit(0);
		take_text(b, read_file(path), path);
		free(path);
	}
}

/* ---- the steps ------------------------------------------------------------------------------- */

static bool has_had_one(const struct mailbot *b)
{
	struct mailaddr_list list;
	struct str to = mailbot_answer_to(b->arena, b->header, b->prefer_errors_to);
	struct buf key;
	const char *given = b->to && !*b->to ? getenv("SENDER") : b->to;
	if (!b->database)
		return false;
	buf_init(&key, 4096);
	if (mailaddr_parse(b->arena, given ? str_of(given) : to, 10, &list) < 0 || !list.mailboxes)
		return true;
	const struct mailaddr *m = list.first;
	while (m->kind != MAILADDR_MAILBOX)
		m = m->next;
	mailaddr_print_spec(&key, m->local, m->domain);
	int r = mailbot_seen(b->database, buf_str(&key), b->now, b->days);
	/* without the memory of what was sent, nothing is: two programs could answer each other */
	if (r < 0)
		mailbot_fail(EX_TEMPFAIL, b->database, strerror(errno));
	buf_free(&key);
	return r > 0;
}

static int wait_for(pid_t pid)
{
	int status;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			mailbot_fail(EX_TEMPFAIL, "cannot wait for the program", strerror(errno));
	return WIFEXITED(status) ? WEXITSTATUS(status) : EX_TEMPFAIL;
}

static _Noreturn void run(char **argv, int in)
{
	static char *mine[] = {(char *)"sendmail", (char *)"-f", (char *)"", NULL};
	signal(SIGPIPE, SIG_DFL);
	if (dup2(in, 0) == 0) {
		if (!*argv && access(BINDIR "/sendmail", X_OK) == 0)
			execv(BINDIR "/sendmail", mine);
		execvp(*argv ? argv[0] : mine[0], *argv ? argv : mine);
	}
	fprintf(
	    stderr, "mailbot: cannot run '%s': %s\n", *argv ? argv[0] : mine[0], strerror(errno));
	_exit(EX_TEMPFAIL);
}

static int send(char **argv, struct str s)
{
	int ends[2];
	signal(SIGPIPE, SIG_IGN);
	if (pipe2(ends, O_CLOEXEC) < 0)
		mailbot_fail(EX_TEMPFAIL, "cannot make a pipe", strerror(errno));
	pid_t pid = fork();
	if (pid < 0)
		mailbot_fail(EX_TEMPFAIL, "cannot start a program", strerror(errno));
	if (pid == 0)
		run(argv, ends[0]);
	close(ends[0]);
	int bad = file_write_all(ends[1], s.p, s.n);
	close(ends[1]);
	int status = wait_for(pid);
	return bad < 0 && status == 0 ? EX_TEMPFAIL : status;
}

static int answer(struct mailbot *b, char **program)
{
	struct buf out;
	bool reply = b->format <= MAILBOT_REPLYDRAFT || b->format == MAILBOT_REPLYFEEDBACK;
	if (mailbot_silent(b->arena, b->header, b->mime.root, getenv("SENDER"), b->required))
		return 0;
	if (reply && !b->to && !mailbot_answer_to(b->arena, b->header, b->prefer_errors_to).n)
		return 0;
	read_text(b);
	if (has_had_one(b))
		return 0;
	buf_init(&out, (size_t)8 * MAILBOT_INPUT_MAX);
	mailbot_compose(b, &out);
	if (b->show)
		return file_write_all(1, out.p, out.n) < 0 ? EX_IOERR : 0;
	return send(program, buf_str(&out));
}

int main(int argc, char **argv)
{
	struct mailbot b = {.salutation = "%F writes:",
	    .marker = "--- Forwarded message ---",
	    .days = 1,
	    .arena = arena_new((size_t)4 * MAILBOT_INPUT_MAX),
	    .now = clock_now()};
	int i = 1;
	if (argc < 2)
		refuse(NULL);
	for (int taken; i < argc && (taken = read_option(&b, argv + i)) >= 0; i += 1 + taken)
		;
	check_options(&b);
	charset_allow_iconv(true);
	read_message(&b);
	return answer(&b, argv + i);
}
