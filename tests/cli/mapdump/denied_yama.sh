# Not our child, and Yama asks for that.
. "$MS_SRC/tests/lib.sh"
need_root
need_command jq setpriv
[ -w /proc/sys/kernel/yama/ptrace_scope ] || skip "this kernel has no Yama"
[ "$(cat /proc/sys/kernel/yama/ptrace_scope)" = 1 ] || skip "ptrace_scope is not 1"
chmod 755 .
mkdir -m 777 theirs
cp "$MS_BUILD/cmd/mapdump/mapdump" .
as_nobody="setpriv --reuid=65534 --regid=65534 --clear-groups"
start maps $as_nobody sh -c "echo {}; exec cat"
status=0
$as_nobody ./mapdump "$pid" -o theirs/out.core 2>err || status=$?
sed "s/$pid/PID/g" err >&2
exit $status
