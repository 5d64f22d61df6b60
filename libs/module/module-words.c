#include "config.h"

#include "module/module-file.h"

struct str module_file_name(struct str entry)
{
	struct str name = str_skip(entry, 7);
	if (!str_starts(entry, STR("module.")) || name.n == 0 || name.n > MODULE_NAME_MAX ||
	    str_chr(name, '.') >= 0 || str_chr(name, '~') >= 0)
		return STR_NONE;
	return name;
}

bool module_claim_parse(struct str word, struct module_claim *out)
{
	static const struct {
		const char *word;
		enum claim_kind kind;
	} words[] = {{"local", CLAIM_LOCAL}, {"remote", CLAIM_REMOTE}, {"bang", CLAIM_BANG}};
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (str_is(word, words[i].word)) {
			*out = (struct module_claim){words[i].kind, STR_NONE};
			return true;
		}
	bool list = str_starts(word, STR("list:"));
	struct str text = str_skip(word, list ? 5 : 1);
	*out = (struct module_claim){list ? CLAIM_LIST : CLAIM_DOMAIN, text};
	if (text.n == 0 || str_has_ctl(text))
		return false;
	if (list)
		return str_chr(text, '/') < 0 && text.p[0] != '.';
	ptrdiff_t star = str_chr(text, '*');
	return word.p[0] == '@' && (star < 0 || (star > 0 && (size_t)star == text.n - 1));
}
