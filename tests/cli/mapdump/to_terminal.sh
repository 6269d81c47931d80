# A core is not for a terminal.
. "$MS_SRC/tests/lib.sh"
need_command jq
need_terminal
start maps mkmaps --only=anon
status=0
script -qec "mapdump $pid -o -" /dev/null </dev/null >tty || status=$?
sed "s/\r//; s/$pid/PID/g" tty >&2
exit $status
