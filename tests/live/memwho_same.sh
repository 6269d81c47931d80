# The same ledger for any number of threads, from pagemap words as from the scan, and of a
# snapshot of the same stopped process.
. "$MS_SRC/tests/lib.sh"
need_utility memwho mapdump
need_command jq
start maps mkmaps --threads=2 --fork
hold "$pid"
# What may differ: when it was taken, how, and what the cgroup did meanwhile.
plain='del(.target.taken, .target.kind, .target.stopped) |
	.outside = [.outside[] | select(.evidence[0].what | test("cgroup") | not)]'
for threads in 1 2 7; do
	run memwho --json --threads=$threads "$pid"
	expect_status 0
	jq -S "$plain" out >"live.$threads"
done
cmp live.1 live.2
cmp live.1 live.7
run mapdump -o out.core "$pid"
run memwho --json out.core
jq -S "$plain" out >snapshot
expect_equal "$(jq '[.rss_bytes, .rss_smaps_bytes, .balance_bytes]' snapshot)" \
	"$(jq '[.rss_bytes, .rss_smaps_bytes, .balance_bytes]' live.1)" "sums of the snapshot"
expect_equal "$(jq -c '.owners[] | [.owner, .resident_bytes]' snapshot)" \
	"$(jq -c '.owners[] | [.owner, .resident_bytes]' live.1)" "owners of the snapshot"
