# A process that has ended and was not waited for.
. "$MS_SRC/tests/lib.sh"
sh -c "sleep 0 & echo \$! >child; exec sleep 60" &
ms_started=$!
wait_until 10 test -s child
read -r child <child
wait_until 10 grep -q "^State:.Z" "/proc/$child/status"
mapdump "$child" -o out.core 2>&1 | sed "s/$child/PID/g" >&2
status=0
mapdump "$child" -o out.core 2>/dev/null || status=$?
[ ! -e out.core ] || fail "it left a file"
exit $status
