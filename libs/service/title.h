/* The process title that ps shows: "ROLE: text". */
#ifndef COURIER_SERVICE_TITLE_H
#define COURIER_SERVICE_TITLE_H

void title_init(int argc, char **argv); /* first thing in main; moves the environment */
void title_set(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
