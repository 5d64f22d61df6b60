/* Options of the TCP server: words to facts. */
#include "access/options.h"

/* The next word into out, quotes undone.  False at the end; *bad: a quote is not closed. */
static bool next_word(struct str *rest, struct buf *out, bool *bad)
{
	bool quoted = false;
	size_t i = 0;
	buf_clear(out);
	while (i < rest->n && ascii_space((unsigned char)rest->p[i]))
		i++;
	if (i == rest->n)
		return false;
	for (; i < rest->n && (quoted || !ascii_space((unsigned char)rest->p[i])); i++) {
		if (rest->p[i] == '"')
			quoted = !quoted;
		else
			buf_addc(out, rest->p[i]);
	}
	*rest = str_skip(*rest, i);
	*bad = quoted;
	return true;
}

static bool is_zone(struct str s)
{
	if (s.n == 0 || s.n > 180 || s.p[0] == '.' || str_find(s, STR("..")) >= 0)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_alnum((unsigned char)s.p[i]) && !strchr(".-_", s.p[i]))
			return false;
	return true;
}

static bool is_name(struct str s)
{
	if (s.n == 0 || s.n > 64 || ascii_digit((unsigned char)s.p[0]))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_alnum((unsigned char)s.p[i]) && s.p[i] != '_')
			return false;
	return true;
}

static struct str lower(struct arena *a, struct str s)
{
	char *z = arena_strz(a, s);
	for (size_t i = 0; z && i < s.n; i++)
		z[i] = (char)ascii_lower((unsigned char)z[i]);
	return z ? str_at(z, s.n) : STR_NONE;
}

/* Cuts "/A.B.C.D" off the end of *s. */
static const char *take_value(struct str *s, struct dns_list *l)
{
	ptrdiff_t slash = str_chr(*s, '/');
	struct access_addr addr;
	if (slash < 0)
		return NULL;
	struct str ip = str_skip(*s, (size_t)slash + 1);
	if (str_chr(ip, ':') >= 0 || !access_addr_parse(ip, &addr))
		return "what stands behind \"/\" is no IPv4 address";
	memcpy(l->value, addr.b + 12, sizeof l->value);
	l->exact = true;
	*s = str_head(*s, (size_t)slash);
	return NULL;
}

static const char *take_zone(struct arena *a, struct str s, struct dns_list *l)
{
	const char *wrong = take_value(&s, l);
	ptrdiff_t eq = str_chr(s, '=');
	struct str zone = eq < 0 ? s : str_head(s, (size_t)eq);
	if (zone.n && zone.p[zone.n - 1] == '.')
		zone.n--;
	if (wrong)
		return wrong;
	if (!is_zone(zone))
		return "the zone is no domain";
	l->zone = lower(a, zone);
	l->display = eq < 0 ? l->zone : arena_str(a, str_skip(s, (size_t)eq + 1));
	return l->display.n && l->display.n <= 200 && !str_has_ctl(l->display)
		   ? NULL
		   : "the zone to show is empty, too long, or has control characters";
}

/* Which records are asked for (see couriertcpd(1)). */
static const char *what_to_ask(struct dns_list *l, bool text_given)
{
	bool star = str_is(l->text, "*");
	if (star && l->exact && !l->allow)
		return "the text \"*\" asks for no addresses, so none can be required";
	l->ask_a = l->allow || l->exact || !star;
	l->ask_txt = l->allow ? text_given : star || !text_given;
	if (star || l->allow)
		l->text = STR_NONE;
	return NULL;
}

static const char *take_list(struct arena *a, struct str s, bool allow, struct tcpd_options *o)
{
	struct dns_list *l = &o->lists[o->n_lists];
	ptrdiff_t comma = str_chr(s, ',');
	struct str zone = comma < 0 ? s : str_head(s, (size_t)comma), var = STR("BLOCK"), text;
	if (o->n_lists == DNS_LISTS_MAX)
		return "there are too many lists";
	*l = (struct dns_list){.allow = allow};
	const char *wrong = take_zone(a, zone, l);
	bool text_given = false;
	if (comma >= 0) {
		struct str rest = str_skip(s, (size_t)comma + 1);
		comma = str_chr(rest, ',');
		var = comma < 0 ? rest : str_head(rest, (size_t)comma);
		text_given = comma >= 0;
		text = comma < 0 ? STR_NONE : str_skip(rest, (size_t)comma + 1);
		if (text.n > TCPD_LIST_TEXT_MAX || str_has_ctl(text))
			return "the text is too long, or has control characters";
		l->text = arena_str(a, text);
		wrong = wrong ? wrong : take_value(&var, l);
	}
	if (wrong)
		return wrong;
	if (!is_name(var))
		return "the variable is no name";
	l->var = arena_str(a, var);
	wrong = what_to_ask(l, text_given);
	if (!wrong)
		o->n_lists++;
	return wrong;
}

static const char *take_number(struct str s, uint32_t *out)
{
	uint64_t n;
	if (!str_u64(s, &n) || n == 0 || n > 1000000)
		return "a number from 1 to 1000000 is wanted";
	*out = (uint32_t)n;
	return NULL;
}

static const char *take_port(struct str s, struct tcpd_options *o)
{
	size_t at = o->n_proxy_ports;
	ptrdiff_t dot;
	uint64_t port;
	if (str_starts(s, STR("/")))
		s = str_skip(s, 1);
	if (str_starts(s, STR("port=")))
		s = str_skip(s, 5);
	dot = str_rchr(s, '.');
	if (at == TCPD_PORTS_MAX)
		return "there are too many ports";
	if (!str_u64(str_skip(s, (size_t)(dot + 1)), &port) || port == 0 || port > 65535)
		return "a port is a number";
	o->proxy_ports[at].any = dot < 0;
	o->proxy_ports[at].port = (uint16_t)port;
	if (dot >= 0 && !access_addr_parse(str_head(s, (size_t)dot), &o->proxy_ports[at].addr))
		return "what stands before the port is no address";
	o->n_proxy_ports++;
	return NULL;
}

/* "", "=15", "=15/port=25,10.0.0.1.587", "/port=25" */
static const char *take_proxy(struct str s, struct tcpd_options *o)
{
	struct str item;
	o->proxy = true;
	if (str_starts(s, STR("="))) {
		ptrdiff_t end = str_chr(s, '/');
		struct str seconds = str_skip(end < 0 ? s : str_head(s, (size_t)end), 1);
		uint64_t n;
		if (!str_u64(seconds, &n) || n == 0 || n > 300)
			return "the time is a number of seconds from 1 to 300";
		o->proxy_seconds = (unsigned)n;
		s = end < 0 ? STR_NONE : str_skip(s, (size_t)end);
	}
	if (s.n && s.p[0] != '/')
		return "it goes on in a way nobody knows";
	while (s.n && str_split(&s, ',', &item)) {
		const char *wrong = take_port(item, o);
		if (wrong)
			return wrong;
	}
	return NULL;
}

static const char *take_plain(struct str w, struct tcpd_options *o)
{
	static const struct {
		const char *word;
		const char *elsewhere; /* NULL: true without it */
	} words[] = {
	    {"-noidentlookup", NULL},
	    {"-stderrlogger", NULL},
	    {"-stderrloggername", NULL},
	    {"-pid", "there is one process for all ports; see courier(8)"},
	    {"-restart", "it is no setting; say \"courier reload\""},
	    {"-stop", "it is no setting; say \"courier stop\""},
	    {"-user", "users are chosen when the package is made"},
	    {"-group", "groups are chosen when the package is made"},
	    {"-address", "set ADDRESS instead"},
	    {"-access", "set ACCESSFILE instead"},
	    {"-listen", "the queue of the system is always as long as it may be"},
	    {"-stderr", "messages go to the system's log"},
	};
	ptrdiff_t eq = str_chr(w, '=');
	struct str name = eq < 0 ? w : str_head(w, (size_t)eq);
	if (str_is(w, "-accesslocal"))
		o->access_local = true;
	else if (str_is(w, "-nodnslookup"))
		o->no_names = true;
	else {
		for (size_t i = 0; i < ARRAY_LEN(words); i++)
			if (str_is(name, words[i].word))
				return words[i].elsewhere;
		return "nobody knows this option";
	}
	return NULL;
}

static const char *take_option(struct arena *a, struct str w, struct tcpd_options *o)
{
	struct str value = str_skip(w, (size_t)(str_chr(w, '=') + 1));
	if (str_starts(w, STR("-block=")) || str_starts(w, STR("-allow=")))
		return take_list(a, value, w.p[1] == 'a', o);
	if (str_is(w, "-drop") || str_starts(w, STR("-drop="))) {
		o->drop = str_is(w, "-drop") ? STR("BLOCK") : arena_str(a, value);
		return is_name(o->drop) ? NULL : "the variable is no name";
	}
	if (str_starts(w, STR("-denymsg="))) {
		o->deny_text = arena_str(a, value);
		return str_has_ctl(value) || value.n > TCPD_LIST_TEXT_MAX ? "the text is too long"
									  : NULL;
	}
	if (str_starts(w, STR("-maxprocs=")))
		return take_number(value, &o->max_procs);
	if (str_starts(w, STR("-maxperc=")))
		return take_number(value, &o->max_net);
	if (str_starts(w, STR("-maxperip=")))
		return take_number(value, &o->max_ip);
	if (str_starts(w, STR("-warn=")))
		return take_number(value, &o->warn);
	if (str_starts(w, STR("-haproxy")))
		return take_proxy(str_skip(w, 8), o);
	return take_plain(w, o);
}

const char *tcpd_options_parse(
    struct arena *a, struct str text, struct tcpd_options *o, struct str *word)
{
	const char *wrong = NULL;
	bool open = false;
	struct buf b;
	buf_init(&b, TCPD_TEXT_MAX);
	if (!o->proxy_seconds)
		o->proxy_seconds = TCPD_PROXY_SECONDS;
	*word = str_head(text, 200);
	if (text.n > TCPD_TEXT_MAX)
		wrong = "the options are too long";
	while (!wrong && next_word(&text, &b, &open)) {
		*word = arena_str(a, str_head(buf_str(&b), 200));
		wrong = open ? "a quote is not closed" : take_option(a, buf_str(&b), o);
	}
	buf_free(&b);
	return wrong;
}

bool tcpd_options_explain(struct str text, struct buf *why)
{
	struct arena *a = arena_new(4 * TCPD_TEXT_MAX);
	struct tcpd_options o = {0};
	struct str word;
	const char *wrong = a ? tcpd_options_parse(a, text, &o, &word) : NULL;
	if (wrong)
		buf_addf(why, "'%.*s': %s", STR_FMT(word), wrong);
	arena_free(a);
	return !wrong;
}

bool tcpd_proxy_port(const struct tcpd_options *o, const struct access_addr *local, uint16_t port)
{
	for (size_t i = 0; i < o->n_proxy_ports; i++)
		if (o->proxy_ports[i].port == port &&
		    (o->proxy_ports[i].any ||
			memcmp(&o->proxy_ports[i].addr, local, sizeof *local) == 0))
			return true;
	return o->n_proxy_ports == 0;
}
