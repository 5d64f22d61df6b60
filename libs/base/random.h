/* The one source of randomness: the kernel's. */
#ifndef COURIER_BASE_RANDOM_H
#define COURIER_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

void random_bytes(void *p, size_t n); /* never fails: without randomness the process ends */
uint64_t random_u64(void);
/* n letters and digits (62 of them) and a NUL: about 5.95 bits each */
void random_token(char *out, size_t n);

#endif
