# Sourced by cmd/try.sh and tests/run.sh: installs the packages of cmd/packages.txt that are
# missing, and nothing else.

# ms_install ROOT SECTION...: as root, or through sudo. Says what it installs; says nothing
# and asks nobody when all is there.
ms_install()
{
	ms_root=$1
	shift
	if ! command -v dpkg-query >/dev/null; then
		echo "this is no Debian: the packages of cmd/packages.txt must be there" >&2
		return 0
	fi
	ms_missing=
	for ms_section; do
		for ms_package in $(sed -n "s/^$ms_section //p" "$ms_root/cmd/packages.txt"); do
			# shellcheck disable=SC2016
			ms_state=$(dpkg-query -W -f '${db:Status-Status}' "$ms_package" 2>/dev/null)
			[ "$ms_state" = installed ] || ms_missing="$ms_missing $ms_package"
		done
	done
	[ -n "$ms_missing" ] || return 0
	ms_sudo=
	if [ "$(id -u)" != 0 ]; then
		ms_sudo=sudo
		if ! command -v sudo >/dev/null; then
			echo "must be root, or have sudo, to install:$ms_missing" >&2
			return 1
		fi
	fi
	echo "\$ apt-get install$ms_missing"
	ms_log=$(mktemp)
	# Package lists that cannot be fetched anew may still do.
	# shellcheck disable=SC2024,SC2086
	{
		$ms_sudo apt-get update -qq
		$ms_sudo env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y \
			--no-install-recommends -o Dpkg::Use-Pty=0 $ms_missing
	} >"$ms_log" 2>&1 || {
		tail -n 20 "$ms_log" >&2
		rm -f "$ms_log"
		echo "cannot install:$ms_missing" >&2
		return 1
	}
	rm -f "$ms_log"
}

# ms_configure DIR OPTION...: meson setup, once; afterwards only options that differ are set.
# An option is -DNAME=VALUE.
ms_configure()
{
	ms_dir=$1
	shift
	if [ ! -f "$ms_dir/build.ninja" ]; then
		rm -rf "$ms_dir"
		meson setup "$ms_dir" "$@"
		return
	fi
	ms_differs=
	for ms_option; do
		ms_pair=${ms_option#-D}
		meson introspect "$ms_dir" --buildoptions |
			python3 -c '
import json, sys
name, _, value = sys.argv[1].partition("=")
for o in json.load(sys.stdin):
    if o["name"] == name:
        have = o["value"]
        have = str(have).lower() if isinstance(have, bool) else str(have)
        sys.exit(have != value)
sys.exit(1)' "$ms_pair" || ms_differs="$ms_differs $ms_option"
	done
	# shellcheck disable=SC2086
	[ -z "$ms_differs" ] || meson configure "$ms_dir" $ms_differs
}
