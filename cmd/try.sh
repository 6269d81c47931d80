#!/bin/sh
# Tries memsleuth on a process: a snapshot, the ledger of its memory, its strings by owner.
#
# Usage: sh cmd/try.sh [PID]
#
# Installs what is missing (Debian, as root or with sudo) and builds, both only once. Without
# a PID it starts a bundled program that leaks, looks at that, and stops it: a JVM where Java
# is present, else a C program. Each command is printed before it runs. The snapshot is
# removed at the end, since it holds all the process's secrets.

set -u
cd "$(dirname "$0")/.." || exit 2
. cmd/install.sh

case ${1:-} in
'' | [1-9]*) ;;
*)
	sed -n 's/^# \(Usage:.*\)/\1/p' "$0" >&2
	exit 2
	;;
esac
pid=${1:-}

ms_install . build || exit 2
if [ ! -f build/build.ninja ]; then
	echo "\$ meson setup build"
	meson setup build -Dtests=false >build.log 2>&1 || {
		tail -n 30 build.log >&2
		exit 2
	}
	rm -f build.log
fi
# Says something only when there is something to build.
if ! ninja -C build -n | grep -q 'no work to do'; then
	echo "\$ ninja -C build"
	ninja -C build >build/try.log 2>&1 || {
		tail -n 30 build/try.log >&2
		exit 2
	}
fi

work=$(mktemp -d /var/tmp/memsleuth-try.XXXXXX) || exit 2
started=
cleanup()
{
	[ -z "$started" ] || kill "$started" 2>/dev/null
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# start COMMAND...: the bundled program. It says one JSON document when all is leaked, and
# ends with its standard input.
start()
{
	mkfifo "$work/in" "$work/out" || exit 2
	exec 9<>"$work/in"
	echo "\$ $* &"
	"$@" <"$work/in" >"$work/out" 9>&- &
	started=$!
	if ! grep -q '"pid"' "$work/out"; then
		echo "the bundled program did not start" >&2
		exit 2
	fi
	pid=$started
}

if [ -z "$pid" ]; then
	if command -v java >/dev/null && command -v javac >/dev/null; then
		if [ ! -f build/java/Plant.class ] || [ fixtures/Plant.java -nt build/java/Plant.class ]; then
			echo "\$ javac -d build/java fixtures/Plant.java"
			javac -d build/java fixtures/Plant.java || exit 2
		fi
		start java -Xms64m -Xmx256m -cp build/java Plant --leak=128 --heap=32 --strings=20000
	else
		start build/fixtures/leak 128
	fi
fi
if [ ! -d "/proc/$pid" ]; then
	echo "try.sh: there is no process $pid" >&2
	exit 2
fi

# Another user's process, or Yama's rule that only a parent may look, needs root.
sudo=
if [ "$(id -u)" != 0 ]; then
	scope=$(cat /proc/sys/kernel/yama/ptrace_scope 2>/dev/null || echo 0)
	if ! [ -r "/proc/$pid/mem" ] || [ "$scope" != 0 ]; then
		sudo=sudo
	fi
fi

status=0
# show UTILITY ARGUMENT...: print the command, run it. 3 is a valid result with gaps.
show()
{
	utility=$1
	shift
	echo
	echo "\$ ${sudo:+sudo }$utility $*"
	$sudo "build/cmd/$utility/$utility" "$@"
	code=$?
	case $code in
	0 | 1 | 3) ;;
	*) status=2 ;;
	esac
}

show mapdump "$pid" -o "$work/$pid.core"
show memwho "$pid"
show memstrings "$work/$pid.core"
exit $status
