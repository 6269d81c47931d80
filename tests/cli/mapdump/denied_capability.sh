# A process of our user that has capabilities which we lack.
. "$MS_SRC/tests/lib.sh"
need_root
need_command jq setpriv
chmod 755 .
mkdir -m 777 theirs
cp "$MS_BUILD/cmd/mapdump/mapdump" "$MS_BUILD/fixtures/mkmaps" .
as_nobody="setpriv --reuid=65534 --regid=65534 --clear-groups"
start maps $as_nobody --inh-caps=+net_admin --ambient-caps=+net_admin ./mkmaps --only=anon
status=0
$as_nobody ./mapdump "$pid" -o theirs/out.core 2>err || status=$?
sed "s/$pid/PID/g" err >&2
[ -z "$(ls -A theirs)" ] || fail "it left a file"
exit $status
