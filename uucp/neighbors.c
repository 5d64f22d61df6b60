#include "config.h"

#include "uucp/uucp.h"

bool uucp_flags_parse(struct str letters, unsigned *flags)
{
	*flags = 0;
	for (size_t i = 0; i < letters.n; i++)
		switch (letters.p[i]) {
		case 'F':
			*flags |= UUCP_FORWARD;
			break;
		case 'G':
			*flags |= UUCP_GATEWAY;
			break;
		case 'R':
			*flags |= UUCP_RELAY;
			break;
		default:
			return false;
		}
	return true;
}

bool uucp_safe_word(struct str word)
{
	if (word.n == 0 || word.n > UUCP_PATH_MAX || word.p[0] == '-')
		return false;
	for (size_t i = 0; i < word.n; i++) {
		unsigned char c = (unsigned char)word.p[i];
		if (c <= ' ' || c >= 0x7f || strchr("\"()<>;|&^`\\$*?[]{}~#", c))
			return false;
	}
	return true;
}

int uucp_neighbor_line(struct str line, struct str *node, unsigned *flags)
{
	struct str rest = str_trim(line), letters = STR_NONE, more;
	if (rest.n == 0 || rest.p[0] == '#')
		return 0;
	if (!str_word(&rest, node))
		return 0;
	str_word(&rest, &letters);
	if (str_word(&rest, &more) || !uucp_safe_word(*node) || node->p[0] == '!' ||
	    node->p[node->n - 1] == '!')
		return -1;
	return uucp_flags_parse(letters, flags) ? 1 : -1;
}

/* Length of the first `parts` parts of the path; 0: it has not so many with one behind them. */
static size_t prefix(struct str path, size_t parts)
{
	size_t seen = 0;
	for (size_t i = 0; i < path.n; i++)
		if (path.p[i] == '!' && ++seen == parts)
			return i;
	return 0;
}

static bool well_formed(struct str path)
{
	struct str part, rest = path;
	size_t parts = 0;
	if (!uucp_safe_word(path) || path.p[path.n - 1] == '!')
		return false;
	while (str_split(&rest, '!', &part))
		if (part.n == 0 || part.p[0] == '-' || ++parts > UUCP_NODES_MAX + 1)
			return false;
	return parts > 1;
}

static void cut(struct str path, size_t node, struct uucp_route *out)
{
	out->node = str_head(path, node);
	out->rest = str_skip(path, node + 1);
}

/*
 * From the neighbour on, every node must be listed with the way to it, until one has F or G.  rmail
 * runs at the end of the way, unless a node on it wants that for itself (G, R).
 */
enum uucp_way uucp_find(struct str path, uucp_known known, void *ctx, struct uucp_route *out)
{
	size_t at, relay = 0, last = 0;
	*out = (struct uucp_route){0};
	if (!well_formed(path))
		return UUCP_BAD_PATH;
	for (size_t parts = 1; (at = prefix(path, parts)); parts++) {
		unsigned flags = 0;
		int r = known(ctx, str_head(path, at), &flags);
		if (r <= 0)
			return r < 0 ? UUCP_UNKNOWN : UUCP_NO_WAY;
		last = at;
		if ((flags & (UUCP_RELAY | UUCP_GATEWAY)) && !relay)
			relay = at;
		if (flags & (UUCP_FORWARD | UUCP_GATEWAY)) {
			last = (size_t)str_rchr(path, '!');
			out->forward = last != at;
			break;
		}
	}
	cut(path, relay ? relay : last, out);
	return UUCP_WAY;
}

int uux_flags(struct str value, struct str words[UUCP_FLAG_WORDS_MAX])
{
	struct str w;
	int n = 0;
	bool grade = false;
	while (str_word(&value, &w)) {
		bool good = grade ? w.n == 1 && ascii_alnum((unsigned char)w.p[0])
				  : str_is(w, "-j") || str_is(w, "-r") || str_is(w, "-g") ||
					(w.n == 3 && str_starts(w, STR("-g")) &&
					    ascii_alnum((unsigned char)w.p[2]));
		if (!good || n == UUCP_FLAG_WORDS_MAX)
			return -1;
		grade = !grade && str_is(w, "-g");
		words[n++] = w;
	}
	return grade ? -1 : n;
}
