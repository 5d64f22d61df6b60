/* reformime: delivery reports read (-d, -D; RFC 3464), digests made (-m; RFC 2046, 5.1.5). */
#include "config.h"

#include "maildrop/reformime.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- -d -------------------------------------------------------------------------------------- */

static const struct mime_part *find_status(const struct mime_part *p)
{
	if (str_is(p->type, "message") &&
	    (str_is(p->subtype, "delivery-status") || str_is(p->subtype, "global-delivery-status")))
		return p;
	for (const struct mime_part *c = p->child; c; c = c->next) {
		const struct mime_part *found = find_status(c);
		if (found)
			return found;
	}
	return NULL;
}

/* "rfc822; a@b" without the type. */
static struct str address_of(const struct reformime *r, struct str block, const char *field)
{
	struct header_field f;
	if (!header_find(block, field, &f))
		return STR_NONE;
	struct str body = header_unfold(r->arena, f.body);
	return str_trim(str_skip(body, (size_t)(str_chr(body, ';') + 1)));
}

static void status(const struct reformime *r, struct str block, bool original)
{
	struct header_field action;
	struct str address = original ? address_of(r, block, "Original-Recipient") : STR_NONE;
	if (!address.n)
		address = address_of(r, block, "Final-Recipient");
	if (!address.n || !header_find(block, "Action", &action))
		return;
	struct str word = str_trim(header_unfold(r->arena, action.body));
	printf("%.*s %.*s\n", STR_FMT(word), STR_FMT(address));
}

int reformime_statuses(const struct reformime *r, bool original)
{
	const struct mime_part *root = r->mime.root, *p = find_status(root);
	struct str kind = mime_param_value(r->arena, root->params, "report-type");
	if (!p || !str_is(root->type, "multipart") || !str_is(root->subtype, "report") ||
	    !str_iis(kind, "delivery-status"))
		return 1;
	/* groups of fields, parted by empty lines; the first one is about the message */
	struct str rest = reformime_content(r, p);
	while (rest.n) {
		size_t next;
		struct str block = str_head(rest, header_length(rest, &next));
		status(r, block, original);
		rest = str_skip(rest, next ? next : rest.n);
	}
	return 0;
}

/* ---- -m -------------------------------------------------------------------------------------- */

struct digest {
	VEC(struct str) messages;
	VEC(char *) names;
};

static void read_one(struct digest *d, struct str name)
{
	struct buf b;
	char *path = mem_strndup(name.p, name.n);
	buf_init(&b, REFORMIME_INPUT_MAX);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || file_read_fd(fd, &b) < 0)
		reformime_fail(path, strerror(errno));
	close(fd);
	free(path);
	vec_push(&d->messages, buf_str(&b));
}

static const char *make_boundary(const struct digest *d)
{
	static char text[32];
	bool taken;
	do {
		snprintf(text, sizeof text, "=_%016llx", (unsigned long long)random_u64());
		taken = false;
		for (size_t i = 0; i < d->messages.n; i++)
			taken |= str_find(d->messages.v[i], str_of(text)) >= 0;
	} while (taken);
	return text;
}

/* message/rfc822 is what a digest's parts are unless they say otherwise; headers in UTF-8 need
 * message/global (RFC 6532, 3.7). */
static void write_one(struct str m, const char *boundary)
{
	bool global = str_has_8bit(str_head(m, header_length(m, NULL)));
	printf("\n--%s\nContent-Type: message/%s\n", boundary, global ? "global" : "rfc822");
	if (str_has_8bit(m))
		fputs("Content-Transfer-Encoding: 8bit\n", stdout);
	putchar('\n');
	reformime_put(m);
	if (m.n && m.p[m.n - 1] != '\n')
		putchar('\n');
}

int reformime_digest(void)
{
	struct digest d = {0};
	struct buf in;
	bool eight_bit = false;
	buf_init(&in, REFORMIME_INPUT_MAX);
	if (file_read_fd(0, &in) < 0)
		reformime_fail("cannot read the names of messages", strerror(errno));
	struct str rest = buf_str(&in), name;
	while (str_split(&rest, '\n', &name))
		if (name.n)
			read_one(&d, name);
	for (size_t i = 0; i < d.messages.n; i++)
		eight_bit |= str_has_8bit(d.messages.v[i]);
	const char *boundary = make_boundary(&d);
	printf("Mime-Version: 1.0\nContent-Type: multipart/digest; boundary=\"%s\"\n"
	       "Content-Transfer-Encoding: %s\n\nA collection of messages.\n",
	    boundary, eight_bit ? "8bit" : "7bit");
	for (size_t i = 0; i < d.messages.n; i++)
		write_one(d.messages.v[i], boundary);
	printf("\n--%s--\n", boundary);
	return 0;
}
