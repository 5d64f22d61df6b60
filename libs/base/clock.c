#include "config.h"

#include "base/base.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static int64_t shift_us(void)
{
	static int64_t shift;
	static bool known;
	if (!known) {
		int64_t v = 0;
		const char *z = secure_getenv("COURIER_TEST_CLOCK");
		if (z && str_i64(str_of(z), &v))
			shift = v * 1000000;
		known = true;
	}
	return shift;
}

static int64_t read_us(clockid_t id)
{
	struct timespec ts;
	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t clock_now_us(void)
{
	return read_us(CLOCK_REALTIME) + shift_us();
}

int64_t clock_now(void)
{
	return clock_now_us() / 1000000;
}

int64_t clock_mono_us(void)
{
	return read_us(CLOCK_MONOTONIC);
}

int64_t clock_mono_ms(void)
{
	return clock_mono_us() / 1000;
}

int64_t clock_unique_us(void)
{
	static int64_t last;
	int64_t now = clock_now_us();
	last = now > last ? now : last + 1;
	return last;
}

const char *clock_mbox(int64_t t, char out[CLOCK_RFC5322_SIZE])
{
	time_t at = (time_t)t;
	struct tm tm;
	localtime_r(&at, &tm);
	strftime(out, CLOCK_RFC5322_SIZE, "%a %b %e %H:%M:%S %Y", &tm);
	return out;
}

const char *clock_rfc5322(int64_t t, char out[CLOCK_RFC5322_SIZE])
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t tt = (time_t)t;
	struct tm tm;
	if (!localtime_r(&tt, &tm)) {
		tt = 0;
		localtime_r(&tt, &tm);
	}
	long off = tm.tm_gmtoff / 60;
	char sign = off < 0 ? '-' : '+';
	if (off < 0)
		off = -off;
	snprintf(out, CLOCK_RFC5322_SIZE, "%.3s, %02d %.3s %04d %02d:%02d:%02d %c%02ld%02ld",
	    days + 3 * tm.tm_wday, tm.tm_mday, months + 3 * tm.tm_mon, tm.tm_year + 1900,
	    tm.tm_hour, tm.tm_min, tm.tm_sec, sign, off / 60 % 100, off % 60);
	return out;
}

const char *clock_iso(int64_t t, char out[CLOCK_ISO_SIZE])
{
	time_t tt = (time_t)t;
	struct tm tm;
	if (!gmtime_r(&tt, &tm)) {
		tt = 0;
		gmtime_r(&tt, &tm);
	}
	strftime(out, CLOCK_ISO_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm);
	return out;
}
