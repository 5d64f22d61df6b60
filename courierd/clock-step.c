/*
 * The clock is set back: libunbound keeps answers until a time of day, so that what it knew an hour
 * after a wrong clock was put right by years would stay for years.  Those that ask the DNS begin
 * anew, as with a reload.  A step forwards makes answers old, which harms nobody.
 */
#include "courierd/supervisor.h"

enum { LOOK_MS = 2000, STEP_US = 60 * 1000000 };

static int64_t ahead(void)
{
	return clock_now_us() - clock_mono_us();
}

static bool asks_the_dns(const struct supervisor *s UNUSED, const struct role *r)
{
	static const char *const roles[] = {"gate", "esmtpd", "esmtp", "sts"};
	for (size_t i = 0; i < ARRAY_LEN(roles); i++)
		if (str_is(str_of(r->name), roles[i]))
			return true;
	return false;
}

static void look(void *ctx)
{
	struct supervisor *s = ctx;
	int64_t step = ahead() - s->clock.ahead;
	timer_set(s->clock.timer, LOOK_MS);
	if (s->ready_fd >= 0) /* not all have begun: the step is seen later */
		return;
	s->clock.ahead += step;
	if (step > -STEP_US)
		return;
	log_warning(NULL,
	    "the clock was set back by %lld seconds: what was known of the DNS is forgotten, "
	    "those that ask it begin anew",
	    (long long)(-step / 1000000));
	supervisor_reload(s, asks_the_dns);
}

int clock_step_start(struct supervisor *s)
{
	s->clock.ahead = ahead();
	s->clock.timer = timer_new(s->loop, look, s);
	if (!s->clock.timer)
		return -1;
	timer_set(s->clock.timer, LOOK_MS);
	return 0;
}
