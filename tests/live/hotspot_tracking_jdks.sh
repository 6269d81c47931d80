# runner: tier=full timeout=300
# Native memory tracking read from the blocks, on every JDK; that of Debian's 8 has no symbols
# for its own counters, and there jcmd's answer has to do.
. "$MS_SRC/tests/lib.sh"
. "$MS_SRC/tests/jdks.inc"
. "$MS_SRC/tests/live/hotspot_tracking.inc"

# streams OPTION...: in place of this shell.
streams()
{
	jdk_run "$jdk" -XX:+UseSerialGC -Xms32m -Xmx32m "$@" -cp /tmp/classes Streams 50 5
}

for jdk in $ms_jdks; do
	label="JDK $jdk"
	start "jdk$jdk" streams -XX:NativeMemoryTracking=summary
	jdk_tool "$jdk" jcmd "$pid" VM.native_memory >told || fail "$label: jcmd: $(cat told)"
	hold "$pid"
	check_tracking
	# "(malloc=807KB #1496)": in all, within 1 % and 2 MB.
	told=$(sed -n 's/.*(malloc=\([0-9]*\)KB.*/\1/p' told | awk '{ n += $1 } END { print n }')
	found=$(jq '[.tracking.found[][1]] | add / 1024 | floor' native.json)
	[ $((found - told)) -lt $((2048 + told / 100)) ] && [ $((told - found)) -lt $((2048 + told / 100)) ] ||
		fail "$label: $found kB found, jcmd told $told"
	kill -KILL "$pid"
done
