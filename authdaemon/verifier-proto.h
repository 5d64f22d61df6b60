/* Frames between authdaemond and its verifier processes. */
#ifndef COURIER_AUTHDAEMON_VERIFIER_PROTO_H
#define COURIER_AUTHDAEMON_VERIFIER_PROTO_H

enum verifier_frame {
	VERIFIER_CHECK = 1, /* stored: str, password: str */
	VERIFIER_MAKE,      /* scheme: str, password: str */
	VERIFIER_VERDICT,   /* verdict: u8 (enum password_verdict), made: str */
};

#endif
