# runner: timeout=180
# Thousands of threads share glibc's few arenas, and one of these is locked for good: all
# blocks are found, those in every thread's cache too, and which arena it is that is locked.
. "$MS_SRC/tests/lib.sh"
. "$MS_SRC/tests/live/alloc_counters.inc"

threads=3000
[ -z "${MS_SANITIZED:-}" ] || threads=500
start crowd crowd $threads
hold "$pid"
dump "$pid" crowd.live
jq -rn --slurpfile said crowd.json --slurpfile seen crowd.live '
def total(f): map(f) | add // 0;
$said[0] as $said | $seen[0] as $seen |
["exact", $seen.instances[0].exact, true],
["arena", ($seen.arenas | total(.system)), $said.arena],
["fordblks", ($seen.arenas | total(.count.top.bytes + .count.free.bytes + .count.fast.bytes)),
	$said.fordblks],
["ordblks", ($seen.arenas | total(.count.free.blocks) + length), $said.ordblks],
["fsmblks", ($seen.arenas | total(.count.fast.bytes)), $said.fsmblks],
["locked arenas", ([$seen.arenas[] | select(.locked)] | length), 1],
["threads", ($seen.threads | length), $said.threads],
["cached blocks by thread", ($seen.threads | total(.cached_blocks)),
	($seen.arenas | total(.count.cached.blocks))],
["live enough", ($seen.arenas | total(.count.live.blocks)) >= $said.live, true] | @tsv' \
	>crowd.tsv
awk -F '\t' '$2 != $3 { print "WRONG", $0; bad = 1 } END { exit bad }' crowd.tsv || {
	jq -c '.instances' crowd.live
	fail "not what malloc counts"
}
# The other way to its caches: two workers, as memwho does it.
dump "$pid" crowd.two 2
cmp crowd.live crowd.two || fail "two workers see something else than one"
jq -r '"\(.threads | length) threads on \(.arenas | length) arenas"' crowd.live
