# In a control group that is nearly full no utility starts work that could make the kernel
# kill something: it says so and exits with 2. With some room mapdump stays small.
. "$MS_SRC/tests/lib.sh"
need_root
need_command jq
need_plain_build

v1=/sys/fs/cgroup/memory
if [ -d $v1 ] && [ -f $v1/memory.limit_in_bytes ]; then
	group=$v1/memsleuth-test.$$
	limit=memory.limit_in_bytes
elif grep -qs memory /sys/fs/cgroup/cgroup.subtree_control; then
	group=/sys/fs/cgroup/memsleuth-test.$$
	limit=memory.max
else
	skip "there is no memory controller to use"
fi
mkdir $group 2>/dev/null || skip "cannot make a control group"
trap 'code=$?; rmdir $group; (exit $code); cleanup' EXIT

# within LIMIT COMMAND...: runs in the group, its output in out and err.
within()
{
	echo "$1" >$group/$limit || skip "cannot set a limit"
	shift
	status=0
	sh -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' $group "$@" >out 2>err || status=$?
}

start maps mkmaps --only=anon --size=$((64 << 20))
for command in "mapdump -o small.core" memwho memstrings; do
	utility=${command%% *}
	# shellcheck disable=SC2086
	within 6M "$MS_BUILD/cmd/$utility/$utility" ${command#"$utility"} "$pid"
	expect_status 2
	grep -q "^$utility: this cgroup may take only" err || fail "$utility says: $(cat err)"
	[ ! -e small.core ] || fail "a file was left"
done

# With room for all but a table of its blocks, a large heap is named without them.
start large leak 600
within 22M "$MS_BUILD/cmd/memwho/memwho" --json "$pid"
expect_status 0
jq -e '.allocators[0] | (.walked | not) and (.reason | test("no memory"))' out >/dev/null ||
	fail "allocators: $(jq -c .allocators out)"
jq -e '.owners[] | select(.owner == "malloc.heap").resident_bytes > 600000000' out >/dev/null ||
	fail "owners: $(jq -c '[.owners[] | [.owner, .resident_bytes]]' out)"

within 32M "$MS_BUILD/cmd/mapdump/mapdump" "$pid" -o out.core
expect_status 0
if [ -f $group/memory.failcnt ]; then
	expect_equal "$(cat $group/memory.failcnt)" 0 "times the limit was hit"
fi
