# Another user's process.
. "$MS_SRC/tests/lib.sh"
need_root
need_command jq setpriv
start maps mkmaps --only=anon
chmod 755 .
mkdir -m 777 theirs
cp "$MS_BUILD/cmd/mapdump/mapdump" mapdump
status=0
setpriv --reuid=65534 --regid=65534 --clear-groups ./mapdump "$pid" -o theirs/out.core 2>err || status=$?
sed "s/$pid/PID/g" err >&2
[ -z "$(ls -A theirs)" ] || fail "it left a file"
exit $status
