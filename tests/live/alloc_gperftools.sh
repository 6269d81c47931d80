# runner: tier=full timeout=300
# Every block under gperftools' tcmalloc, preloaded, of each suite.
. "$MS_SRC/tests/lib.sh"
. "$MS_SRC/tests/live/alloc_counters.inc"
. "$MS_SRC/tests/roots.inc"

for suite in $ms_root_suites; do
	ms_root "$suite"
	blocks_cc "$suite-blocks" ms_root_cc "$suite"
	for flavour in libtcmalloc libtcmalloc_minimal; do
		library=$(ms_root_library $flavour) || fail "no $flavour in the root of $suite"
		start_blocks "$suite.$flavour" ms_root_run "$suite" -p "$library" "$suite-blocks"
		expect_equal "$(truth "$suite.$flavour" .allocator)" gperftools \
			"allocator of $suite"
		hold "$pid"
		dump "$pid" "$suite.$flavour.live"
		expect_counters "$suite.$flavour.json" "$suite.$flavour.live" gperftools
		finish
	done
done
