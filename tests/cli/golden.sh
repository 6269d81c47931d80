#!/bin/sh
# Runs one command line case and compares all it printed.
#
# Usage: tests/cli/golden.sh [--update] CASE.sh
#
# The case is a script that ends with the command under test. Beside it, CASE.stdout.exact or
# CASE.stdout.glob, the same for stderr, and CASE.exit hold what is expected. A glob file has
# one shell pattern a line; a line "..." stands for any number of lines. What has no file must
# be empty, and the exit status 0. --update writes the exact files anew, and the exit status;
# a glob file is kept.
#
# In what was printed the temporary directory becomes @TMP@ before it is compared.

set -u
update=
if [ "$1" = --update ]; then
	update=yes
	shift
fi
case=${1%.sh}
: "${MS_SRC:=$(cd "$(dirname "$0")/../.." && pwd)}"
: "${MS_BUILD:=$MS_SRC/build}"
export MS_SRC MS_BUILD
got=$(mktemp -d "${TMPDIR:-/tmp}/memsleuth-golden.XXXXXX")
trap 'rm -rf "$got"' EXIT
trap 'exit 1' INT TERM HUP

sh "$case.sh" >"$got/raw.stdout" 2>"$got/raw.stderr" </dev/null
status=$?
if [ $status = 77 ]; then
	cat "$got/raw.stdout"
	exit 77
fi
for stream in stdout stderr; do
	sed 's|[^ ]*/memsleuth-test\.[A-Za-z0-9]*|@TMP@|g' "$got/raw.$stream" >"$got/$stream"
done
problems=0

# matches PATTERNS FILE
matches()
{
	exec 3<"$1" 4<"$2"
	while IFS= read -r want <&3; do
		if [ "$want" = ... ]; then
			if ! IFS= read -r want <&3; then
				return 0
			fi
			while IFS= read -r have <&4; do
				# shellcheck disable=SC2254
				case $have in $want) continue 2 ;; esac
			done
			echo "no line matches: $want"
			return 1
		fi
		if ! IFS= read -r have <&4; then
			echo "ends before: $want"
			return 1
		fi
		# shellcheck disable=SC2254
		case $have in
		$want) ;;
		*)
			echo "expected: $want"
			echo "got:      $have"
			return 1
			;;
		esac
	done
	if IFS= read -r have <&4; then
		echo "a line too many: $have"
		return 1
	fi
}

check()
{
	if [ -f "$case.$1.glob" ]; then
		matches "$case.$1.glob" "$got/$1"
	elif [ -n "$update" ]; then
		rm -f "$case.$1.exact"
		[ ! -s "$got/$1" ] || cp "$got/$1" "$case.$1.exact"
	elif [ -f "$case.$1.exact" ]; then
		diff -u "$case.$1.exact" "$got/$1"
	else
		diff -u /dev/null "$got/$1"
	fi
}

for stream in stdout stderr; do
	if ! check $stream >"$got/diff"; then
		echo "$stream is not as expected:"
		cat "$got/diff"
		echo "all of $stream:"
		head -n 40 "$got/$stream"
		problems=1
	fi
done
if [ -n "$update" ]; then
	rm -f "$case.exit"
	[ $status = 0 ] || echo $status >"$case.exit"
fi
expected=0
[ ! -f "$case.exit" ] || expected=$(cat "$case.exit")
if [ $status != "$expected" ]; then
	echo "exit status $status, expected $expected"
	head -n 20 "$got/stderr"
	problems=1
fi
exit $problems
