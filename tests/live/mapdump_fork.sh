# runner: alone
# Pages shared after fork stay shared: a snapshot copies nothing in the system.
. "$MS_SRC/tests/lib.sh"
need_utility mapdump
need_command jq

# 128 MiB shared with a child; a reader that forced write faults would copy them all.
start maps mkmaps --only=anon --size=$((128 << 20)) --fork
child=$(truth maps .child_pid)
hold "$pid"
hold "$child"
sums()
{
	for p in "$pid" "$child"; do
		grep -E '^(Rss|Pss_Anon|Shared_Dirty|Private_Dirty|Anonymous):' "/proc/$p/smaps_rollup"
	done
}
sums >before
[ "$(kib "/proc/$pid/smaps_rollup" Shared_Dirty)" -ge $((128 << 10)) ] ||
	fail "the fixture shares nothing"
anon=$(kib /proc/meminfo AnonPages)
run mapdump "$pid" -o out.core
expect_status 0
grown=$(($(kib /proc/meminfo AnonPages) - anon))
sums >after
diff before after || fail "pages that were shared are not any more"
# The rest of the system does not hold still: a quarter of what copying would cost.
[ $grown -lt $((32 << 10)) ] || fail "the system's AnonPages grew by $grown kB"
