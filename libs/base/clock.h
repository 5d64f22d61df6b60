/*
 * The one clock.  Real time for what is written down and shown, monotonic time for timers.
 * Tests may shift real time with COURIER_TEST_CLOCK (seconds to add, signed); it is honoured only
 * when the process is not privileged beyond its caller.
 */
#ifndef COURIER_BASE_CLOCK_H
#define COURIER_BASE_CLOCK_H

#include <stdint.h>

int64_t clock_now(void);    /* seconds since the epoch */
int64_t clock_now_us(void); /* microseconds since the epoch */
int64_t clock_mono_ms(void);
int64_t clock_mono_us(void);
int64_t clock_unique_us(void); /* real time in microseconds, strictly increasing in a process */

/* "Sun, 22 Nov 2026 06:18:00 +0000" (RFC 5322, section 3.3): local time of the process. */
enum { CLOCK_RFC5322_SIZE = 40, CLOCK_ISO_SIZE = 32 };
const char *clock_rfc5322(int64_t t, char out[CLOCK_RFC5322_SIZE]);
/* "Sun Nov 22 06:18:00 2026" (lines of an mbox): local time. */
const char *clock_mbox(int64_t t, char out[CLOCK_RFC5322_SIZE]);
/* "2026-11-22T06:18:00Z" (RFC 3339) */
const char *clock_iso(int64_t t, char out[CLOCK_ISO_SIZE]);

#endif
