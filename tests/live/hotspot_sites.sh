# runner: tier=full timeout=300
# Call sites of native memory tracking: the ten with most bytes that jcmd tells are found, with
# as many bytes, and most of all frames have a name. Without detail, or .symtab, it says so.
. "$MS_SRC/tests/lib.sh"
. "$MS_SRC/tests/jdks.inc"
need_utility memwho
need_command jq javac
mkdir -p classes
javac --release 8 -Xlint:-options -d classes "$MS_SRC/fixtures/Streams.java"

# streams OPTION...: in place of this shell.
streams()
{
	jdk_run "$jdk" -XX:+UseSerialGC -Xms32m -Xmx32m "$@" -cp /tmp/classes Streams 50 5
}

# What the answer itself takes is gone after it; the rest,
# "[0x00007f00]AllocateHeap+0x2" lines, then "(malloc=4096 type=GC #2)": BYTES FRAME... a line.
sites_told()
{
	awk '/^\[0x/ { is_answer = is_answer || /[Aa]ttach_?[Ll]istener/
			frame = $0; sub(/^\[/, "", frame); sub(/\].*/, "", frame)
			frames = frames " " frame; next }
		frames != "" && !is_answer && !/=Native Memory Tracking/ &&
			/\(malloc=[0-9]+ (type|tag)=/ {
			bytes = $0; sub(/.*\(malloc=/, "", bytes); sub(/ .*/, "", bytes)
			print bytes frames }
		{ frames = ""; is_answer = 0 }' told | sort -rn | head -10
}

for jdk in $ms_jdks; do
	label="JDK $jdk"
	start "detail-$jdk" streams -XX:NativeMemoryTracking=detail
	# The first answer reads libjvm.so's symbols, which stay.
	jdk_tool "$jdk" jcmd "$pid" VM.native_memory detail scale=B >told
	jdk_tool "$jdk" jcmd "$pid" VM.native_memory detail scale=B >told ||
		fail "$label: jcmd: $(cat told)"
	hold "$pid"
	if [ "$jdk" = 8 ]; then
		run memwho --nmt-sites "$pid"
		expect_status 2
		grep -q 'has no .symtab' err || fail "$label: $(cat err)"
		kill -KILL "$pid"
		continue
	fi
	memwho --nmt-sites --json "$pid" >sites.json || fail "$label: memwho --nmt-sites"
	sites_told >top
	[ "$(wc -l <top)" = 10 ] || fail "$label: few sites are told: $(head -40 told)"
	while read -r bytes frames; do
		jq -e --arg frames "$frames" --argjson bytes "$bytes" '.sites |
			any(.frames == $frames and
			(.malloc_bytes - $bytes | fabs) <= $bytes / 50 + 65536)' sites.json >/dev/null ||
			fail "$label: not found: $bytes $frames: $(jq -c --arg frames "$frames" \
				'[.sites[] | select(.frames == $frames)]' sites.json)"
	done <top
	named=$(jq '[.sites[] | select(.site | test("\\?") | not)] | length' sites.json)
	all=$(jq '.sites | length' sites.json)
	[ "$all" -gt 300 ] && [ "$named" -gt $((all / 2)) ] ||
		fail "$label: $named of $all sites have all names"
	echo "$label: $all sites, $named with all names"
	kill -KILL "$pid"
done

jdk=17
start summary streams -XX:NativeMemoryTracking=summary
run memwho --nmt-sites "$pid"
expect_status 2
grep -q 'NativeMemoryTracking=detail' err || fail "summary: $(cat err)"
