# What every test script stands on: `. "$MS_SRC/tests/lib.sh"` is its first line.
#
# From the runner: MS_SRC (source root), MS_BUILD (build directory), MS_SANITIZED (set in a
# sanitizer build). A test runs in an empty directory of its own, $TMP, which is removed at
# its end together with every process it started through start(). Its exit status is 0
# passed, 77 skipped with a reason, anything else failed.
#
# shellcheck shell=sh

: "${MS_SRC:?run tests through tests/run.sh or tests/runner.sh}" "${MS_BUILD:?}"
set -eu
export LC_ALL=C.UTF-8

TMP=$(mktemp -d "${TMPDIR:-/tmp}/memsleuth-test.XXXXXX")
cd "$TMP"
ms_started=
ms_elsewhere= # what a test leaves elsewhere: removed too

# The utilities by name. What another package calls memwho must not be found.
for ms_dir in "$MS_BUILD"/cmd/*/ "$MS_BUILD/fixtures"; do
	PATH=${ms_dir%/}:$PATH
done
export PATH

cleanup()
{
	ms_status=$?
	trap - EXIT INT TERM HUP
	for ms_p in $ms_started; do
		kill -KILL "$ms_p" 2>/dev/null || :
	done
	cd /
	# shellcheck disable=SC2086
	rm -rf "$TMP" $ms_elsewhere
	exit "$ms_status"
}
trap cleanup EXIT
trap 'exit 1' INT TERM HUP

# The standard input of everything started: it ends when this shell does, whatever ends it.
mkfifo stdin.fifo
exec 9<>stdin.fifo

# skip WHY: this machine cannot do it.
skip()
{
	echo "skipped: $*"
	exit 77
}

fail()
{
	echo "FAILED: $*"
	exit 1
}

need_command()
{
	for ms_c; do
		command -v "$ms_c" >/dev/null || skip "$ms_c is not installed"
	done
}

# need_utility NAME...: built here.
need_utility()
{
	for ms_c; do
		[ -x "$MS_BUILD/cmd/$ms_c/$ms_c" ] || skip "$ms_c is not built"
	done
}

# need_terminal: `script` can make one.
need_terminal()
{
	need_command script
	script -qec true /dev/null </dev/null >/dev/null 2>&1 || skip "no terminal can be made"
}

need_root()
{
	[ "$(id -u)" = 0 ] || skip "needs root"
}

# Figures of our own memory and system calls mean nothing under a sanitizer.
need_plain_build()
{
	[ -z "${MS_SANITIZED:-}" ] || skip "a sanitizer build has other memory and system calls"
}

# wait_until SECONDS COMMAND...: poll until the command succeeds.
wait_until()
{
	ms_left=$(($1 * 20))
	shift
	until "$@" >/dev/null 2>&1; do
		ms_left=$((ms_left - 1))
		[ $ms_left -gt 0 ] || return 1
		sleep 0.05
	done
}

# start NAME COMMAND...: run in the background until the test ends, and wait for the JSON
# document it prints, which becomes NAME.json. Sets $pid.
start()
{
	ms_name=$1
	shift
	"$@" <stdin.fifo >"$ms_name.json" 2>"$ms_name.err" 9>&- &
	pid=$!
	ms_started="$ms_started $pid"
	ms_i=0
	until is_ready "$ms_name" >/dev/null 2>&1; do
		ms_i=$((ms_i + 1))
		if [ $ms_i -lt 1200 ] && kill -0 "$pid" 2>/dev/null; then
			sleep 0.05
			continue
		fi
		cat "$ms_name.json" "$ms_name.err"
		fail "$ms_name printed no truth"
	done
}

is_ready()
{
	[ -s "$1.json" ] && jq -e . "$1.json"
}

# start_java NAME JVM-OPTION... -- OPTION...: the Java fixture.
start_java()
{
	ms_name=$1
	shift
	need_command java javac
	if [ ! -f "$MS_BUILD/java/Plant.class" ]; then
		mkdir -p "$MS_BUILD/java" classes
		javac -d classes "$MS_SRC/fixtures/Plant.java"
		mv classes/*.class "$MS_BUILD/java"
	fi
	ms_jvm=
	while [ $# -gt 0 ]; do
		ms_word=$1
		shift
		[ "$ms_word" != -- ] || break
		ms_jvm="$ms_jvm $ms_word"
	done
	# shellcheck disable=SC2086
	start "$ms_name" java $ms_jvm -cp "$MS_BUILD/java" Plant "$@"
}

# truth NAME FILTER: what the fixture said, through jq, raw.
truth()
{
	jq -er "$2" "$1.json"
}

# object NAME OBJECT FIELD: one field of one object of the C fixture; skips the test if the
# fixture could not make it.
object()
{
	ms_why=$(jq -r --arg o "$2" '.skipped[]? | select(.name == $o).reason' "$1.json")
	[ -z "$ms_why" ] || skip "no $2: $ms_why"
	jq -er --arg o "$2" --arg f "$3" '.objects[] | select(.name == $o)[$f]' "$1.json"
}

is_stopped()
{
	grep -q '^State:[[:space:]]*T' "/proc/$1/status"
}

# hold PID: stop it, and wait until every thread has stopped.
hold()
{
	kill -STOP "$1"
	for ms_task in /proc/"$1"/task/*; do
		wait_until 10 grep -q '^State:[[:space:]]*T' "$ms_task/status" ||
			fail "${ms_task##*/} does not stop"
	done
}

# kib FILE FIELD: a "Field:  123 kB" line of status, smaps_rollup or meminfo.
kib()
{
	awk -v f="$2:" '$1 == f { print $2; found = 1 } END { exit !found }' "$1"
}

# peek PID ADDRESS BYTES FILE: memory as the kernel shows it. The address may be "0x...".
peek()
{
	dd if="/proc/$1/mem" of="$4" bs=65536 iflag=skip_bytes,count_bytes \
		skip="$(($2))" count="$3" status=none
}

# run COMMAND...: output in ./out and ./err, exit code in $status.
run()
{
	status=0
	"$@" >out 2>err || status=$?
}

# expect_status N: of the last run().
expect_status()
{
	[ "$status" = "$1" ] && return
	echo "--- stdout"; head -50 out
	echo "--- stderr"; head -50 err
	fail "exit code $status, expected $1"
}

expect_equal()
{
	[ "$1" = "$2" ] || fail "${3:-values differ}: got '$1', expected '$2'"
}
