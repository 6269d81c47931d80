# runner: timeout=300
# Every block under mimalloc, preloaded, of each suite that has it.
. "$MS_SRC/tests/lib.sh"
. "$MS_SRC/tests/live/alloc_counters.inc"
. "$MS_SRC/tests/roots.inc"

for suite in $ms_root_suites; do
	ms_root "$suite"
	library=$(ms_root_library libmimalloc) || continue
	blocks_cc "$suite-blocks" ms_root_cc "$suite"
	start_blocks "$suite" ms_root_run "$suite" -p "$library" "$suite-blocks"
	expect_equal "$(truth "$suite" .allocator)" mimalloc "allocator of $suite"
	hold "$pid"
	dump "$pid" "$suite.live"
	expect_counters "$suite.json" "$suite.live" mimalloc
	finish
done
