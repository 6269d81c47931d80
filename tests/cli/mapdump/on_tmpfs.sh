# Output in memory counts against the limit the user is close to: a warning.
. "$MS_SRC/tests/lib.sh"
need_root
need_command jq mount umount
start maps mkmaps --only=anon
mkdir ram
mount -t tmpfs -o size=64m none ram 2>/dev/null || skip "cannot mount a tmpfs"
status=0
mapdump --no-progress "$pid" -o ram/out.core || status=$?
umount ram
exit $status
