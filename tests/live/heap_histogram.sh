# runner: tier=full timeout=600
# What is counted in a Java heap is what the JDK's own debugger counts in the same stopped
# process: instances and bytes of every class, under each collector; and ages are those
# that the JVM logged.
. "$MS_SRC/tests/lib.sh"
need_command java javac jhsdb jq
[ -x "$MS_BUILD/tests/heap_dump" ] || skip "heap_dump is not built"

# Class, instances, bytes; hidden classes end in an address, before which the JVM writes a
# plus sign or a slash.
theirs()
{
	timeout 300 jhsdb jmap --histo --pid "$1" 2>jhsdb.err |
		awk '$1 ~ /^[0-9]+:$/ {
			i = $2; b = $3; $1 = $2 = $3 = ""; sub(/^ +/, ""); sub(/ \(.*\)$/, "")
			gsub(/\+0x/, "/0x"); print $0 "\t" i "\t" b }' | sort
}

ours()
{
	jq -r '.histogram | group_by(.klass)[] |
		[.[0].class, (map(.instances) | add), (map(.bytes) | add)] | @tsv' "$1" | sort
}

# count LABEL PID: both, and they are the same.
count()
{
	"$MS_BUILD/tests/heap_dump" "$2" 1 100000 >"$1.one"
	"$MS_BUILD/tests/heap_dump" "$2" 3 100000 >"$1.three"
	expect_equal "$(jq -c '.walk | [.torn, .empty, .missing]' "$1.one")" '[0,0,0]' "$1: torn"
	jq -e '.located | .tried > 0 and .tried == .found' "$1.one" >/dev/null ||
		fail "$1: $(jq -c .located "$1.one") objects found by address"
	jq 'del(.walk.seconds)' "$1.one" >one
	jq 'del(.walk.seconds)' "$1.three" >three
	cmp one three || fail "$1: three workers see something else"
	theirs "$2" >theirs
	[ -s theirs ] || skip "jhsdb cannot attach: $(tail -n 1 jhsdb.err)"
	ours "$1.one" >ours
	diff -u theirs ours >diff || {
		head -n 40 diff
		fail "$1: histograms differ"
	}
}

for options in -XX:+UseSerialGC -XX:+UseParallelGC -XX:+UseG1GC \
	"-XX:+UseG1GC -XX:-UseCompressedOops" \
	"-XX:+UseSerialGC -XX:-UseCompressedClassPointers" \
	"-XX:+UseSerialGC -XX:ObjectAlignmentInBytes=16"; do
	name=$(echo "$options" | tr -dc A-Za-z0-9)
	# shellcheck disable=SC2086
	start_java "$name" $options -Xmx256m -- --heap=90 --strings=20000
	hold "$pid"
	count "$name" "$pid"
	kill -KILL "$pid"
	[ -z "${MS_SANITIZED:-}" ] || break
done

# Ages: the table that the JVM logged at its last collection is the one it keeps, and what
# the mark words of its survivors add up to.
start_java ages -XX:+UseSerialGC -Xms20m -Xmx20m -Xmn10m -XX:TargetSurvivorRatio=80 \
	-Xlog:gc+age=trace:file=age.log -- --heap=1 --strings=30000
hold "$pid"
"$MS_BUILD/tests/heap_dump" "$pid" 1 >ages.dump
grep -q 'Desired survivor' age.log || fail "no collection was logged"
awk '/Desired survivor/ { n = 0 }
	/- age/ { sub(/.*- age +/, ""); sub(/:/, ""); age[++n] = "[" $1 "," $2 "]" }
	END { for (i = 1; i <= n; i++) printf "%s%s", (i > 1 ? "," : ""), age[i]; print "" }' \
	age.log >logged
expect_equal "$(jq -c '.age_table.bytes | to_entries | map(select(.value > 0) |
	[.key, .value])' ages.dump)" "[$(cat logged)]" "the age table"
expect_equal "$(jq -c '.ages | map(select(.space == "from") | [.age, .bytes])' ages.dump)" \
	"[$(cat logged)]" "ages of survivors"
expect_equal "$(jq .age_table.desired ages.dump)" \
	"$(sed -n 's/.*Desired survivor size \([0-9]*\) bytes.*/\1/p' age.log | tail -n 1)" \
	"desired survivor size"
expect_equal "$(jq .age_table.threshold ages.dump)" \
	"$(sed -n 's/.*new threshold \([0-9]*\) .*/\1/p' age.log | tail -n 1)" "threshold"
