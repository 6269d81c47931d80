# A file system that is too small: refused before anything is written.
. "$MS_SRC/tests/lib.sh"
need_root
need_command jq mount umount
start maps mkmaps --only=anon --size=$((64 << 20))
mkdir small
mount -t tmpfs -o size=8m none small 2>/dev/null || skip "cannot mount a small file system"
status=0
mapdump --no-progress "$pid" -o small/out.core || status=$?
left=$(ls -A small)
umount small
[ -z "$left" ] || fail "it left: $left"
exit $status
