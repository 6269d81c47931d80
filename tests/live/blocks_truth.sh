# The truth of the program `blocks` agrees with itself: other tests rely on it.
. "$MS_SRC/tests/lib.sh"
. "$MS_SRC/tests/live/alloc_counters.inc"

# sums FILE: what depends on the options alone.
sums()
{
	jq -c '[.live, .requested_bytes, [.threads[] | [.live, .requested_bytes]]]' "$1"
}

# Nothing here is walked by instrumented code, and of few blocks some large ones are too much.
blocks_few=
start_blocks first blocks --foreign-sbrk
cp first.json before.json
tell first counters
cmp first.answer before.json || fail "reading the counters changes them"
# What malloc has handed out holds our blocks, with eight bytes more for each.
jq -e '.glibc.mallinfo as $i | ($i.uordblks + $i.hblkhd) as $out |
	($out >= .usable_bytes + 8 * .live) and ($out < .usable_bytes * 1.3) and
	$i.fsmblks > 0 and $i.hblks > 0 and .foreign_bytes > 0' before.json >/dev/null ||
	fail "the table and mallinfo contradict each other: $(cat before.json)"
tell first trim
jq -e '.trimmed and .rss_after_bytes < .rss_before_bytes' first.answer >/dev/null ||
	fail "trim: $(cat first.answer)"
tell first "churn 1"
usable=$(jq .live_usable_bytes first.answer)
tell first "churn 1" 3
jq -e --argjson before "$usable" '.swaps > 1000 and (.live_usable_bytes - $before | fabs) <
	$before / 500' first.answer >/dev/null || fail "churn: $(cat first.answer)"
finish

start_blocks again blocks --foreign-sbrk
expect_equal "$(sums again.json)" "$(sums before.json)" "the same seed"
finish
start_blocks other blocks --seed=2
[ "$(sums other.json)" != "$(sums before.json)" ] || fail "another seed, the same blocks"
finish
