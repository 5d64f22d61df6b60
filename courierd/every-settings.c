/* Every component of the suite that has settings: what courier check proves. */
#include "config.h"

#include "auth/auth.h"
#include "courierd/broker.h"
#include "courierd/courier.h"
#include "courierd/sched-settings.h"
#include "courierd/supervisor.h"
#include "dsn/dsn-settings.h"
#include "esmtp/esmtp-settings.h"
#include "esmtpd/esmtpd.h"
#include "fax/fax.h"
#include "filters/filter-settings.h"
#include "imapd/settings.h"
#include "local/local-settings.h"
#include "login/login.h"
#include "filter/drop-settings.h"
#include "pop3d/pop3-settings.h"
#include "stsd/sts-settings.h"
#include "submit/settings.h"
#include "uucp/uucp.h"

const struct config_component *const every_component[] = {
    &config_identity,
    &supervisor_settings,
    &port_settings[0],
    &port_settings[1],
    &port_settings[2],
    &port_settings[3],
    &port_settings[4],
    &port_settings[5],
    &port_settings[6],
    &auth_settings,
    &broker_settings,
    &dsn_component,
    &dupfilter_component,
    &esmtp_component,
    &esmtpd_settings,
    &esmtpd_msa_settings,
    &esmtpd_ssl_settings,
    &fax_component,
    &imapd_component,
    &local_settings,
    &login_imap_settings,
    &login_pop3_settings,
    &maildrop_settings,
    &perlfilter_component,
    &pop3d_component,
    &ratefilter_component,
    &sched_settings,
    &sender_settings[0],
    &sender_settings[1],
    &sender_settings[2],
    &auth_external_settings[0],
    &auth_external_settings[1],
    &auth_external_settings[2],
    &auth_external_settings[3],
    &auth_external_settings[4],
    &sts_component,
    &submit_settings,
    &uucp_component,
    &verify_component,
    &verifyfilter_component,
};
const size_t n_every_component = ARRAY_LEN(every_component);
