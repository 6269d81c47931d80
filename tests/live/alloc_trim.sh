# runner: tier=full timeout=300
# What can be given back at once, foretold from outside, is what the resident bytes drop by
# when the allocator is asked to: within 1 %.
. "$MS_SRC/tests/lib.sh"
. "$MS_SRC/tests/live/alloc_counters.inc"
. "$MS_SRC/tests/roots.inc"

# check NAME COMMAND...: of the running process. RSS is read from outside, for in a root there
# is no /proc.
check()
{
	start_blocks "$@"
	hold "$pid"
	dump "$pid" "$1.live"
	foretold=$(jq '[.arenas[].reclaimable] | add' "$1.live")
	before=$(kib "/proc/$pid/smaps_rollup" Rss)
	kill -CONT "$pid"
	tell "$1" trim
	expect_equal "$(jq .trimmed "$1.answer")" true "trim of $1"
	dropped=$(((before - $(kib "/proc/$pid/smaps_rollup" Rss)) * 1024))
	finish
	echo "$1: foretold $foretold bytes, dropped by $dropped, off by" \
		"$(((foretold - dropped) * 10000 / dropped)) of 10000"
	[ "$dropped" -gt 1000000 ] || fail "too little to tell in $1"
	off=$((foretold > dropped ? foretold - dropped : dropped - foretold))
	[ $((off * 100)) -le "$dropped" ] || fail "more than 1 % off in $1"
}

check fragment blocks --fragment
check patterns blocks
for suite in $ms_root_suites; do
	ms_root "$suite"
	blocks_cc "blocks-$suite" ms_root_cc "$suite"
	check "$suite" ms_root_run "$suite" "blocks-$suite" --fragment
done
# What decays by itself in a few seconds could not be foretold.
export MALLOC_CONF=dirty_decay_ms:-1,muzzy_decay_ms:-1
check jemalloc ms_root_run "$suite" -p "$(ms_root_library libjemalloc)" "blocks-$suite"
check gperftools ms_root_run "$suite" -p "$(ms_root_library libtcmalloc)" "blocks-$suite"
