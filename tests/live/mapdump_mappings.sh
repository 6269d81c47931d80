# runner: alone timeout=240
# 100,000 mappings: dumped whole, opened by gdb, and the ledger still balances.
. "$MS_SRC/tests/lib.sh"
need_utility mapdump
need_root
need_command jq gdb

limit=$(cat /proc/sys/vm/max_map_count)
if [ "$limit" -lt 150000 ]; then
	[ -w /proc/sys/vm/max_map_count ] || skip "vm.max_map_count is $limit and cannot be raised"
	echo 150000 >/proc/sys/vm/max_map_count 2>/dev/null ||
		skip "vm.max_map_count is $limit and cannot be raised"
	trap 'echo "$limit" >/proc/sys/vm/max_map_count; cleanup' EXIT
fi
start maps mkmaps --only=anon,text --mappings=100000
count=$(wc -l <"/proc/$pid/maps")
[ "$count" -gt 100000 ] || fail "only $count mappings"
hold "$pid"
run mapdump "$pid" -o out.core
expect_status 0
address=$(object maps anon address)
size=$(object maps anon size)
gdb -nx -batch -c out.core -ex "dump binary memory gdb.anon $address $address+$size" \
	>gdb.log 2>&1 || fail "gdb: $(cat gdb.log)"
peek "$pid" "$address" "$size" live.anon
cmp live.anon gdb.anon
if [ -x "$MS_BUILD/cmd/memwho/memwho" ]; then
	run memwho --json "$pid"
	expect_status 0
	expect_equal "$(jq .balance_bytes out)" 0 "balance"
fi
