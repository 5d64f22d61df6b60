/* The Perl interpreter inside perlfilter.  One a process; a fork has its own. */
#ifndef COURIER_FILTERS_PERLFILTER_PERL_H
#define COURIER_FILTERS_PERLFILTER_PERL_H

/*
 * Compiles the script, once.  Its text becomes a subroutine of the package
 * Courier::PerlFilter::Script, which runs for every message: named subroutines, modules and package
 * variables stay from one message to the next.  What follows __END__ is dropped.  -1: logged.
 */
int perl_script_load(const char *path);
/* Runs it with the connection's descriptor as its only argument.  -1: it died; logged. */
int perl_script_run(int fd);
void perl_script_end(void);

#endif
