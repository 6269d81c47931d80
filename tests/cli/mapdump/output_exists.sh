# A file that is there is kept.
. "$MS_SRC/tests/lib.sh"
need_command jq
start maps mkmaps --only=anon
echo precious >out.core
status=0
mapdump "$pid" -o out.core || status=$?
[ "$(cat out.core)" = precious ] || fail "it wrote over the file"
exit $status
