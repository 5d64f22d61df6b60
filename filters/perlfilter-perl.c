/* Perl's own headers come first and want their names for themselves: libs/base has no place here
 * beyond the log. */
#include <EXTERN.h>
#include <perl.h>
#include <XSUB.h>

#include "base/log.h"
#include "filters/perlfilter-perl.h"

static PerlInterpreter *my_perl;

EXTERN_C void boot_DynaLoader(pTHX_ CV *cv);

static void xs_init(pTHX)
{
	newXS("DynaLoader::boot_DynaLoader", boot_DynaLoader, __FILE__);
}

/* compile() has no variables of its own that the script could see.  The subroutine has a name: so
 * the subroutines of the script share the variables at its top level. */
static const char wrapper[] =
    "package Courier::PerlFilter;\n"
    "our $run;\n"
    "sub compile { eval $_[0] }\n"
    "sub load {\n"
    "	my ($file) = @_;\n"
    "	open my $f, '<', $file or return \"cannot read it: $!\";\n"
    "	my $text = do { local $/; <$f> };\n"
    "	return \"cannot read it: $!\" if !defined $text || !close $f;\n"
    "	$text =~ s/^__(?:END|DATA)__(?![^\\n]).*//ms;\n"
    "	compile('package Courier::PerlFilter::Script; sub perlfilter__run {' .\n"
    "	    qq(\\n#line 1 \"$file\"\\n$text\\n) . '} 1') or return $@;\n"
    "	$run = \\&Courier::PerlFilter::Script::perlfilter__run;\n"
    "	return '';\n"
    "}\n"
    "sub run {\n"
    "	local @ARGV = @_;\n"
    "	local ($_, $@, $!);\n"
    "	return eval { $run->(@_); 1 } ? '' : $@ || 'it died';\n"
    "}\n"
    "1;\n";

/* Calls one of the above; its text is empty when all went well.  Never NULL. */
static const char *call(const char *name, SV *argument)
{
	dSP;
	static char text[4096];
	ENTER;
	SAVETMPS;
	PUSHMARK(SP);
	XPUSHs(sv_2mortal(argument));
	PUTBACK;
	int n = call_pv(name, G_SCALAR);
	SPAGAIN;
	SV *answer = n == 1 ? POPs : NULL; /* macros use their arguments twice */
	const char *said = answer ? SvPV_nolen(answer) : "";
	size_t length = strlen(said);
	while (length && (said[length - 1] == '\n' || said[length - 1] == ' '))
		length--;
	if (length >= sizeof text)
		length = sizeof text - 1;
	for (size_t i = 0; i < length; i++)
		text[i] = said[i] == '\n' ? ' ' : said[i];
	text[length] = 0;
	PUTBACK;
	FREETMPS;
	LEAVE;
	return text;
}

static int start(void)
{
	static char name[] = "perlfilter", option[] = "-e", nothing[] = "0";
	static char *words[] = {name, option, nothing, NULL};
	static char **argv = words, **env = words + 3;
	static int argc = 3;
	PERL_SYS_INIT3(&argc, &argv, &env);
	my_perl = perl_alloc();
	if (!my_perl)
		return -1;
	perl_construct(my_perl);
	PL_exit_flags |= PERL_EXIT_DESTRUCT_END;
	if (perl_parse(my_perl, xs_init, argc, argv, NULL))
		return -1;
	perl_run(my_perl);
	eval_pv(wrapper, TRUE);
	return 0;
}

int perl_script_load(const char *path)
{
	if (start() < 0) {
		log_error(NULL, "cannot start Perl");
		return -1;
	}
	const char *why = call("Courier::PerlFilter::load", newSVpv(path, 0));
	if (*why)
		log_error(NULL, "cannot use the script '%s': %s", path, why);
	return *why ? -1 : 0;
}

int perl_script_run(int fd)
{
	const char *why = call("Courier::PerlFilter::run", newSViv(fd));
	if (*why)
		log_error(NULL, "the script failed: %s", why);
	return *why ? -1 : 0;
}

void perl_script_end(void)
{
	if (!my_perl)
		return;
	perl_destruct(my_perl);
	perl_free(my_perl);
	my_perl = NULL;
	PERL_SYS_TERM();
}
