# Native memory tracking read from the blocks: each category's blocks and bytes are what the
# JVM itself counts, to the byte, in a stopped process.
. "$MS_SRC/tests/lib.sh"
. "$MS_SRC/tests/live/hotspot_tracking.inc"
need_command java

# streams OPTION...: in place of this shell.
streams()
{
	exec java -Xms32m -Xmx32m "$@" -cp classes Streams 50 5
}

for tracking in summary detail; do
	for gc in Serial G1; do
		label="$gc, $tracking"
		start $gc-$tracking streams -XX:+Use${gc}GC -XX:NativeMemoryTracking=$tracking
		hold "$pid"
		check_tracking
		kill -KILL "$pid"
	done
done
# Off, nothing has a category.
start off streams -XX:+UseSerialGC
hold "$pid"
run memwho --nmt "$pid"
expect_status 2
grep -q 'native memory tracking is off' err || fail "$(cat err)"
memwho --json "$pid" >ledger.json
if jq -e '.owners[].evidence[] | select(.reader == "nmt")' ledger.json; then
	fail "categories without tracking"
fi
