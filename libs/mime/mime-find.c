#include "config.h"

#include "mime/mime.h"

static const struct mime_part *child_number(const struct mime_part *part, unsigned n)
{
	const struct mime_part *c = part->child;
	while (c && c->number != n)
		c = c->next;
	return c;
}

const struct mime_part *mime_find(const struct mime_part *root, const unsigned *numbers, size_t n)
{
	/* numbers count the parts of `in`: a multipart, or a message that is its own part 1 */
	const struct mime_part *in = root, *part = root;
	for (size_t i = 0; i < n; i++) {
		if (!in)
			return NULL;
		part = in->multipart ? child_number(in, numbers[i]) : numbers[i] == 1 ? in : NULL;
		if (!part)
			return NULL;
		if (part->message)
			in = part->child;
		else
			in = part->multipart && part != in ? part : NULL;
	}
	return part;
}

static const struct {
	unsigned fault;
	const char *text;
} texts[] = {
    {MIME_FAULT_HEADER_8BIT, "8-bit bytes in a header"},
    {MIME_FAULT_HEADER_NOT_UTF8, "a header that is not UTF-8"},
    {MIME_FAULT_BODY_8BIT, "8-bit bytes in a body"},
    {MIME_FAULT_UNDECLARED_8BIT, "8-bit bytes in a part that does not declare them"},
    {MIME_FAULT_BAD_TYPE, "a Content-Type that is not well-formed"},
    {MIME_FAULT_BAD_ENCODING, "a Content-Transfer-Encoding that is unknown or not allowed there"},
    {MIME_FAULT_BAD_DISPOSITION, "a Content-Disposition that is not well-formed"},
    {MIME_FAULT_DUPLICATE, "a Content- field twice in one header"},
    {MIME_FAULT_NO_BOUNDARY, "a multipart without boundary"},
    {MIME_FAULT_UNCLOSED, "a multipart without its last boundary"},
    {MIME_FAULT_BAD_HEADER, "a header line that is no field"},
    {MIME_FAULT_NUL, "NUL bytes"},
    {MIME_FAULT_BARE_CR, "carriage returns without line feed"},
    {MIME_FAULT_BARE_LF, "line feeds without carriage return"},
    {MIME_FAULT_LONG_LINE, "a line of more than 998 octets"},
    {MIME_FAULT_BINARY, "a part declared binary"},
    {MIME_FAULT_BAD_PARAM, "a parameter that is not well-formed"},
    {MIME_FAULT_DEPTH, "parts nested too deep"},
    {MIME_FAULT_PARTS, "too many parts"},
    {MIME_FAULT_HEADER_SIZE, "a header that is too large"},
    {MIME_FAULT_PARAMS, "too many parameters in a header field"},
};

const char *mime_fault_text(unsigned faults)
{
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (faults & texts[i].fault)
			return texts[i].text;
	return "no fault";
}
