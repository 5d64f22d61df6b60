# Sourced by quickstart, runtests and .ci/run, with here set to the checkout.
#
# When root has the checkout in a folder that is closed to others (as /root is), the suite's own users
# could not reach their programs there.  Then the script goes on from a copy below /var/tmp.
leave_closed_folder() {
	script=$1
	shift
	[ "$(id -u)" = 0 ] || return 0
	above=$here
	while [ "$above" != / ]; do
		case $(stat -c %A "$above") in
		*[xt]) above=$(dirname "$above") ;;
		*) break ;;
		esac
	done
	[ "$above" != / ] || return 0
	copy=/var/tmp/courier-$(printf %s "$here" | cksum | cut -d' ' -f1)
	echo "$above is closed to other users: going on in $copy"
	mkdir -p "$copy" && chmod 755 "$copy" && [ -O "$copy" ] || exit 1
	find "$copy" -mindepth 1 -maxdepth 1 ! -name build -exec rm -rf {} +
	tar -C "$here" --exclude=./build -cf - . | tar -C "$copy" -xf - || exit 1
	exec "$copy/$script" "$@"
}
