# A JVM's memory, for each collector: it is found, it balances, and pages that
# ZGC before JDK 21 maps three times are counted once for the heap.
. "$MS_SRC/tests/lib.sh"
need_utility memwho
need_command jq java

row()
{
	jq -e --arg o "$1" ".owners[] | select(.owner == \$o) | $2" ledger.json >/dev/null ||
		fail "$gc: $1: $(jq -c '[.owners[] | [.owner, .resident_bytes]]' ledger.json)"
}

for gc in Serial G1 Parallel Z; do
	java -XX:+Use${gc}GC -version >/dev/null 2>&1 || continue
	start_java $gc -XX:+Use${gc}GC -Xmx256m --
	hold "$pid"
	run memwho --json "$pid"
	expect_status 0
	mv out ledger.json
	expect_equal "$(jq .balance_bytes ledger.json)" 0 "$gc: balance"
	expect_equal "$(jq .conflict_count ledger.json)" 0 "$gc: conflicts"
	heap=$(jq '[.owners[] | select(.owner | startswith("java.heap")).resident_bytes] | add' \
		ledger.json)
	[ "$heap" -gt 4000000 ] || fail "$gc: heap of $heap bytes"
	row java.code.non-nmethods '.grade == "exact" and .resident_bytes > 100000'
	row java.metaspace.nonclass '.resident_bytes > 10000'
	row java.cds '.resident_bytes > 1000000'
	row java.stack '.count > 10'
	row stack.main '.count == 1'
	row file.lib '.resident_bytes > 4000000'
	expect_equal "$(jq '[.threads[] | select(.stack_start == null)] | length' ledger.json)" 0 \
		"$gc: threads without a stack"
	kill -KILL "$pid"
done
