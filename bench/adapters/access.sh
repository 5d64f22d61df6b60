#!/bin/sh
# The suite as a server under test of a mail-access load rig: called with the verbs of the rig's
# adapters/common.sh; HERE is the rig's folder, COURIER_PREFIX the installation.
PEER=ours
. "$HERE/adapters/common.sh"
IMAP_PORT=24543
POP3_PORT=24510
: "${COURIER_PREFIX:?set COURIER_PREFIX to the install prefix}"
P=$COURIER_PREFIX
I=$W/instance
case $1 in
env)
	echo "IMAP_PORT=$IMAP_PORT"
	echo "POP3_PORT=$POP3_PORT"
	echo KIND=maildir
	echo ARCHIVE=INBOX.Archive
	echo "CG=$CG"
	;;
version) "$P/sbin/courier" --version ;;
maildir) echo "$MAIL/$2/Maildir" ;;
reset)
	shift
	md_reset "$@"
	;;
setup)
	rm -rf "$I"
	mkdir -p "$W" "$MAIL"
	"$P/sbin/courier" init "$I" --domain bench.test --port-base auto >/dev/null
	# accounts without a domain, with the password hash that all peers get
	while read -r u; do
		printf '%s\tuid=%s|gid=%s|home=%s|mail=%s|systempw=%s\n' "$u" "$RUNUID" "$RUNUID" "$MAIL/$u" "$MAIL/$u/Maildir" "$HASH"
	done <"$USERS" >"$I/etc/userdb"
	chmod 600 "$I/etc/userdb"
	for f in imapd pop3d; do
		[ $f = imapd ] && port=$IMAP_PORT || port=$POP3_PORT
		printf 'ADDRESS=127.0.0.1\nPORT=%s\nMAXDAEMONS=4000\nMAXPERIP=4000\nIMAP_TLS_REQUIRED=0\nPOP3_TLS_REQUIRED=0\nIMAPDSTARTTLS=NO\nPOP3_STARTTLS=NO\n' "$port" >>"$I/etc/$f"
		printf 'IMAPDSSLSTART=NO\nPOP3DSSLSTART=NO\nIMAP_TLS_REQUIRED=0\nPOP3_TLS_REQUIRED=0\nIMAPDSTARTTLS=NO\nPOP3_STARTTLS=NO\n' >>"$I/etc/$f-ssl"
	done
	printf 'MAXSESSIONS=5000\nMAXPERACCOUNT=1000\n' >>"$I/etc/broker"
	printf 'ESMTPDSTART=NO\nESMTPDSSLSTART=NO\n' | tee -a "$I/etc/esmtpd" "$I/etc/esmtpd-msa" "$I/etc/esmtpd-ssl" >/dev/null
	"$P/sbin/courier" -C "$I" check >&2
	;;
start)
	mkdir -p "$CG" "$W"
	sh -c 'echo $$ > "$1/cgroup.procs"; exec "$2/sbin/courier" -C "$3" start' sh "$CG" "$P" "$I" </dev/null >"$W/log" 2>&1
	wait_port $IMAP_PORT
	wait_port $POP3_PORT
	;;
stop)
	"$P/sbin/courier" -C "$I" stop >/dev/null 2>&1 || :
	cgstop
	;;
esac
