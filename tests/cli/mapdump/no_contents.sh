# Everything but memory.
. "$MS_SRC/tests/lib.sh"
need_command jq eu-readelf
start maps mkmaps
mapdump -q --no-contents "$pid" -o out.core
size=$(stat -c %s out.core)
[ "$size" -lt $((4 << 20)) ] || fail "$size bytes without contents"
# The constants of the program file may be in it; what only its memory holds may not.
if grep -aq "malloc block 0009" out.core; then fail "it holds memory"; fi
mapdump -q "$pid" -o whole.core
grep -aq "malloc block 0009" whole.core || fail "even the whole one does not hold it"
eu-readelf -hW out.core | grep Type:
