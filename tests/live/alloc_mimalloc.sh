# runner: tier=full timeout=300
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
	# From 3.0 on blocks lie otherwise with every release.
	if [ "$(truth "$suite" .mimalloc.version)" -lt 300 ]; then
		expect_counters "$suite.json" "$suite.live" mimalloc
	else
		expect_walked_or_told "$suite.json" "$suite.live" mimalloc
	fi
	finish
done
