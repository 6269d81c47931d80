# runner: tier=full alone timeout=240
# A process whose threads allocate and free flat out, never stopped: none of 100 walks fails,
# and each sees the live bytes, which the process keeps constant, within 0.5 %.
. "$MS_SRC/tests/lib.sh"
. "$MS_SRC/tests/live/alloc_counters.inc"

walks=100
[ -z "${MS_SANITIZED:-}" ] || walks=20
# One large block that is swapped while the walk passes must be little of the whole.
blocks_few=
start_blocks busy blocks --blocks=20000
# At first the blocks move to arenas of the threads that swap them: heaps grow by the second.
tell busy "churn 1" 2
expect_equal "$(jq .churning busy.answer)" false "end of the first second"
tell busy "churn 200"
sleep 3
usable=$(jq .live_usable_bytes busy.answer)
blocks=$(jq .live busy.answer)
for i in $(seq $walks); do
	dump "$pid" walk.json
	jq -r --argjson usable "$usable" --argjson blocks "$blocks" '
		[(.arenas, .mmapped)[]] | [(map(.count.live.usable) | add),
			(map(.count.live.blocks) | add), (map(.count.torn.bytes) | add)] |
		[10000 * (.[0] - $usable) / $usable, 10000 * (.[1] - $blocks) / $blocks, .[2]] |
		map(floor) | @tsv' walk.json >>walks.tsv
done
kill -0 "$pid" || fail "the process ended before walk $i"
sort -n walks.tsv | awk '{ v[NR] = $1; torn += $3 > 0 }
	END { printf "%d walks: off by %d to %d of 10000, median %d; torn spots in %d of them\n",
		NR, v[1], v[NR], v[int((NR + 1) / 2)], torn }'
sort -n walks.tsv | awk '$1 < -50 || $1 > 50 { print; bad++ } END { exit bad > 0 }' ||
	fail "live bytes differ by more than 0.5 %"
