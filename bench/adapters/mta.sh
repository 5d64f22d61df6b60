# The suite as a server under test of an MTA load rig: sourced after the rig's lib.sh, which gives
# MTA_PEERS, SMTP_PORT, SINK_PORT, MAX_CONN, LOCAL_PAR, RELAY_PAR, jail_start and jail_exec.
#
# COURIER_PREFIX: the installation.  It is copied into a Debian root of its own, with the shared
# libraries it needs, and runs there as root with all its roles: the system users u0..u9 get their
# mail into Maildirs, everything else goes to the sink.  Durability is the default: complete.
NAME=ours
ROOT=$MTA_PEERS/ours
MAILDIR_ROOT=$ROOT/home
: "${COURIER_PREFIX:?set COURIER_PREFIX to the install prefix}"
INSTANCE=/srv/mail
QUEUE_DIR=$ROOT$INSTANCE/var/queue
version() { "$COURIER_PREFIX/sbin/courier" --version; }

# every shared library the programs are linked with, at the same path inside
copy_libraries() {
	find "$COURIER_PREFIX" -type f -perm -u+x -exec ldd {} + 2>/dev/null |
		sed -n 's/.*=> \(\/[^ ]*\) .*/\1/p' | sort -u |
		while read -r lib; do
			[ -e "$ROOT$lib" ] || { mkdir -p "$ROOT$(dirname "$lib")" && cp -L "$lib" "$ROOT$lib"; }
		done
}

configure() {
	[ -d "$ROOT" ] || cp -a "$MTA_PEERS/base" "$ROOT"
	rm -rf "${ROOT:?}$COURIER_PREFIX" "$ROOT$INSTANCE"
	mkdir -p "$ROOT$COURIER_PREFIX" "$ROOT/srv"
	cp -a "$COURIER_PREFIX/." "$ROOT$COURIER_PREFIX/"
	copy_libraries
	# the port base makes SMTP_PORT of port 25
	chroot "$ROOT" "$COURIER_PREFIX/sbin/courier" init $INSTANCE --domain hosted.test \
		--port-base $((SMTP_PORT - 25)) >/dev/null
	local e=$ROOT$INSTANCE/etc
	echo mx.bench.test >"$e/me"
	echo bench.test >"$e/defaultdomain"
	printf 'localhost\nbench.test\n' >"$e/locals"
	: >"$e/hosteddomains"
	echo ":[127.0.0.1],$SINK_PORT" >"$e/esmtproutes"
	echo 127.0.0.1@53 >"$e/resolver"
	echo 52428800 >"$e/sizelimit"
	printf '127.0.0.1\tallow,RELAYCLIENT\n' >"$e/smtpaccess/default"
	echo 'authmodulelist="authshadow"' >>"$e/authdaemonrc"
	{
		echo "MAXDAEMONS=$MAX_CONN"
		echo "MAXPERIP=$MAX_CONN"
		echo "MAXPERC=$MAX_CONN"
		echo 'TCPDOPTS="-nodnslookup -noidentlookup"'
	} >>"$e/esmtpd"
	# one host that is down stands for all: its recipients are not to be refused at the door
	printf 'MAXRCPTS=2000\nBOFHSUPPRESSBACKSCATTER=none\n' >>"$e/submit"
	sed -i "s/^MAXHOST=.*/MAXHOST=$RELAY_PAR/; s/^MAXDELS=.*/MAXDELS=$RELAY_PAR/" "$e/module.esmtp"
	sed -i "s/^MAXDELS=.*/MAXDELS=$LOCAL_PAR/" "$e/module.local"
	for f in imapd imapd-ssl pop3d pop3d-ssl; do
		printf 'IMAPDSTART=NO\nIMAPDSSLSTART=NO\nPOP3DSTART=NO\nPOP3DSSLSTART=NO\n' >>"$e/$f"
	done
	for f in esmtpd-msa esmtpd-ssl; do printf 'ESMTPDSTART=NO\nESMTPDSSLSTART=NO\n' >>"$e/$f"; done
	chroot "$ROOT" "$COURIER_PREFIX/sbin/courier" -C $INSTANCE check >&2
}
reset_queue() { find "$QUEUE_DIR" -mindepth 1 -delete 2>/dev/null || :; }
run_server() { jail_start "$COURIER_PREFIX/sbin/courier -C $INSTANCE start && exec sleep 1000000"; }
flush_queue() { jail_exec "$COURIER_PREFIX/sbin/courier -C $INSTANCE flush" >/dev/null; }
queue_length() {
	jail_exec "$COURIER_PREFIX/sbin/courier -C $INSTANCE show" 2>/dev/null | grep -c . || :
}
deferred_length() { queue_length; }
