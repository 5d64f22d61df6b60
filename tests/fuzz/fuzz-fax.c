/* Rules and numbers: the first line of the input is the number, the rest the rules; what is
 * accepted can be dialled.  The whole is a message, too, and text for troff, in which no line is a
 * request. */
#include "config.h"

#include "fax/fax.h"
#include "fuzz.h"

static void numbers(struct str text)
{
	static struct fax_rules rules;
	struct fax_number number;
	struct fax_options options;
	struct str line;
	if (!str_split(&text, '\n', &line))
		return;
	fax_options_parse(line, &options);
	if (!fax_number_parse(line, &number) || fax_rules_parse(text, &rules))
		return;
	if (fax_rules_apply(&rules, STR("local"), &number))
		FUZZ_CHECK(fax_number_valid(str_at(number.p, number.n)));
}

static void pages(struct str text)
{
	static struct fax_document d;
	struct buf b;
	struct str line, rest;
	struct arena *a = arena_new(16 * 1024 * 1024);
	if (!a)
		return;
	buf_init(&b, 4 * 1024 * 1024);
	if (fax_document_read(a, text, &d) == 0 &&
	    fax_cover_compose(&d.cover, STR("\\&end\n"), &b)) {
		rest = buf_str(&b);
		while (str_split(&rest, '\n', &line))
			FUZZ_CHECK(line.n == 0 || str_starts(line, STR("\\&")) ||
				   str_is(line, "..") || str_is(line, ".de FaxText") ||
				   str_starts(line, STR(".ds Fax")) ||
				   str_starts(line, STR(".nr FaxPages ")));
	}
	buf_free(&b);
	arena_free(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_at(data, size);
	numbers(text);
	pages(text);
	return 0;
}
