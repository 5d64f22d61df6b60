/* The uucp module: paths are found, and mail goes to uux. */
#include "config.h"

#include "module/module-program.h"
#include "module/module.h"
#include "submit/claims.h"
#include "submit/settings.h"
#include "uucp/uucp-job.h"

#include <errno.h>
#include <stdlib.h>

static struct uucp uucp;

/* ---- claims ---------------------------------------------------------------------------------- */

static int known(void *ctx, struct str node, unsigned *flags)
{
	struct uucp *u = ctx;
	int r = table_get(u->neighbors, node, &u->value);
	if (r < 0)
		return errno == ENOENT ? 0 : -1;
	return r > 0 && uucp_flags_parse(buf_str(&u->value), flags);
}

static void refuse(struct claim_answer *out, uint16_t code, struct str status, struct str text)
{
	*out = (struct claim_answer){
	    .claim = CLAIM_REFUSE, .code = code, .status = status, .diagnostic = text};
}

/* A stranger reaches the listed nodes; through F and G anywhere only who may relay. */
static void claim(struct service *s UNUSED, struct arena *a UNUSED, const struct claim_ask *q,
    struct claim_answer *out)
{
	struct uucp_route r;
	bool uucp_mail = str_is(q->source, "uucp");
	switch (uucp_find(q->local, known, &uucp, &r)) {
	case UUCP_WAY:
		*out = (struct claim_answer){.claim = CLAIM_YES, .host = r.node, .to = r.rest};
		if (r.forward && !q->queued && !q->relay && !uucp_mail)
			refuse(out, 513, STR("5.7.1"),
			    STR("Relaying denied: only its own clients may send beyond the nodes "
				"that this system lists"));
		return;
	case UUCP_UNKNOWN:
		*out = (struct claim_answer){.claim = CLAIM_DEFER,
		    .diagnostic = STR("The table of UUCP neighbors cannot be read")};
		return;
	case UUCP_BAD_PATH:
		refuse(out, 550, STR("5.1.3"), STR("This is no path that UUCP could take."));
		return;
	case UUCP_NO_WAY:
		break;
	}
	refuse(out, 550, STR("5.1.2"), STR("Unknown UUCP bang path."));
}

/* ---- the service ----------------------------------------------------------------------------- */

static int take_names(struct uucp *u)
{
	struct arena *a = arena_new(1024 * 1024);
	struct names n;
	if (!a ||
	    names_load(service_instance(u->service), service_config(u->service), NULL, a, &n) < 0) {
		arena_free(a);
		return -1;
	}
	names_free(&u->names);
	arena_free(u->arena);
	u->arena = a;
	u->names = n;
	return 0;
}

static int setup(struct service *s)
{
	log_rename("courieruucp");
	uucp.service = s;
	buf_init(&uucp.value, 64);
	return 0;
}

static int start(struct service *s)
{
	char *path = instance_path(service_instance(s)->etc, "uucpneighbors.dat");
	uucp.neighbors = table_open(path);
	free(path);
	if (!uucp.neighbors || take_names(&uucp) < 0)
		return -1;
	service_ready(s);
	return 0;
}

static void reload(struct service *s UNUSED)
{
	if (take_names(&uucp) < 0)
		log_error(NULL, "the names of this system can't be loaded; the old ones stay");
}

static void deliver(
    struct service *s UNUSED, struct module_delivery *d, struct module_body *b, void *handle)
{
	uucp_job_start(&uucp, d, b, handle);
}

int main(int argc, char **argv)
{
	static const struct config_component *const components[] = {
	    &config_identity, &submit_settings, &uucp_component};
	static const struct module_desc desc = {
	    .name = "uucp",
	    .service =
		{
		    .components = components,
		    .n_components = ARRAY_LEN(components),
		    .setup = setup,
		    .start = start,
		    .reload = reload,
		},
	    .deliver = deliver,
	    .claim = claim,
	};
	return module_main(&desc, argc, argv);
}
