# A target that ends while it is read: what was had is sealed and marked, exit code 3, and
# on a file system nothing half-written ever has the final name.
. "$MS_SRC/tests/lib.sh"
need_utility mapdump
need_command jq

# Through a pipe the moment is exact: 1 MiB has come, the rest has to wait for us.
start maps mkmaps --only=anon --size=$((96 << 20))
mkfifo pipe
status=0
mapdump "$pid" -o - >pipe 2>err &
dumper=$!
exec 8<pipe
head -c 1048576 <&8 >out.core
kill -KILL "$pid"
cat <&8 >>out.core
exec 8<&-
wait $dumper || status=$?
cat err
expect_equal "$status" 3 "exit code"
grep -q "process $pid ended while" err || fail "nothing says that the process ended"
need_command eu-readelf
run eu-readelf -hnW out.core
expect_status 0
[ ! -s err ] || fail "the sealed snapshot is malformed: $(cat err)"
