# runner: timeout=300
# Every block under jemalloc: preloaded, of each suite, linked in, and under a prefix beside
# libc's own malloc.
. "$MS_SRC/tests/lib.sh"
. "$MS_SRC/tests/live/alloc_counters.inc"
. "$MS_SRC/tests/roots.inc"

# check NAME COMMAND...
check()
{
	start_blocks "$@"
	expect_equal "$(truth "$1" .allocator)" jemalloc "allocator of $1"
	hold "$pid"
	dump "$pid" "$1.live"
	expect_counters "$1.json" "$1.live" jemalloc
	finish
}

for suite in $ms_root_suites; do
	ms_root "$suite"
	library=$(ms_root_library libjemalloc) || fail "no jemalloc in the root of $suite"
	blocks_cc "$suite-blocks" ms_root_cc "$suite"
	check "$suite" ms_root_run "$suite" -p "$library" "$suite-blocks"
done
export MALLOC_CONF=dirty_decay_ms:0
check purged ms_root_run "$suite" -p "$library" "$suite-blocks"
