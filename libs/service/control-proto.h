/*
 * The control channel between supervisor and service: every frame, for both sides (libs/ipc).
 * The supervisor's end is trusted by the service; the service's end is not trusted by the
 * supervisor.
 */
#ifndef COURIER_SERVICE_CONTROL_PROTO_H
#define COURIER_SERVICE_CONTROL_PROTO_H

enum control_type {
	/* supervisor -> service */
	CONTROL_INIT =
	    1, /* str role, u32 number, str user, str group, u8 flags, str empty folder */
	CONTROL_LISTENER,  /* str name, str where; descriptor */
	CONTROL_START,     /* all listeners are there */
	CONTROL_EDGE,      /* str peer role, u32 peer number; descriptor */
	CONTROL_CONNECTED, /* id of the request; descriptor, none when refused */
	CONTROL_RELOAD,    /* read the configuration anew */
	CONTROL_STOP,      /* u32 grace in ms: finish what is under way */
	CONTROL_ASK_STATS, /* id */
	CONTROL_COMMAND,   /* rest: text for this role */
	CONTROL_PING,      /* does the loop turn? */
	CONTROL_RETIRE, /* u32 grace in ms, str listener's name: a successor serves; finish when the
			 * sessions have.  Those of the name (empty: all) are to come to an end. */

	/* service -> supervisor */
	CONTROL_READY = 100,
	CONTROL_CONNECT,    /* id, str role, u32 number (or SERVICE_ANY) */
	CONTROL_STATS,      /* id, rest: text */
	CONTROL_RESTART_ME, /* end me gracefully and start me anew */
	CONTROL_PONG,       /* it does */
};

enum control_flags {
	CONTROL_CHROOT = 1,     /* into the empty folder */
	CONTROL_KEEP_PRIVS = 2, /* stays root: no change of user */
	CONTROL_MAY_GAIN = 4,   /* no no_new_privs: its children may run set-id programs */
	CONTROL_SYSLOG = 8,     /* log to syslog; else to descriptor 2 */
	CONTROL_DEBUG = 16,     /* log debug lines too */
};

enum { CONTROL_FD = 3 };

#endif
