# runner: tier=full timeout=300
# What C2 holds while it compiles is C2's, with the method's name: stopped and running, with
# memory tracking and without. What it held and freed is free, and C2 used it last. What does
# not compile has no compiler's memory.
. "$MS_SRC/tests/lib.sh"
. "$MS_SRC/tests/live/hotspot_compilers.inc"
need_command java jcmd
need_utility mapdump mapheap
release=$(java -version 2>&1 | sed -n '1s/[^"]*"\([0-9]*\).*/\1/p')
[ "$release" = 17 ] || skip "how much C2 takes is known of JDK 17, not of '$release'"

# big NAME OPTION...: in place of this shell.
big()
{
	# shellcheck disable=SC2086
	exec java $big_options "$@" -cp classes Big
}

big_class 250
for tracking in off summary; do
	label="tracking $tracking"
	# The same JVM that compiles nothing.
	start base-$tracking big -XX:NativeMemoryTracking=$tracking -XX:CompileCommand=exclude,Big::big
	sleep 2
	base=$(rss_of "$pid")
	memwho --json "$pid" >idle.json
	[ "$(owned idle.json java.compiler.c2)" -lt $((1 << 20)) ] ||
		fail "$label: an idle compiler has $(owned idle.json java.compiler.c2)"
	if jq -e '.owners[].evidence[] | select(.what | test("^compiling"))' idle.json; then
		fail "$label: nothing is compiled"
	fi
	kill -KILL "$pid"

	start big-$tracking big -XX:NativeMemoryTracking=$tracking
	catch_compiling 300000
	check_compiling
	memwho --owner=java.compiler "$pid" >words
	grep -q '^  because   compiling Big::big(I)I at tier 4 for .*: .* arena chunks' words ||
		fail "$label: --owner: $(cat words)"
	memwho "$pid" | grep -q '^ABOUT  java.compiler.c2: compiling Big::big(I)I at tier 4 for [0-9]* s: ' ||
		fail "$label: no remark"
	# A snapshot says the same, and names of classes come from the archive that is still there.
	run mapdump -q -o "$tracking.core" "$pid"
	[ "$status" = 3 ] || expect_status 0
	memwho "$tracking.core" | grep -q '^ABOUT  java.compiler.c2: compiling Big::big(I)I at tier 4: ' ||
		fail "$label: the snapshot: $(memwho "$tracking.core" | grep ABOUT)"
	mapheap --histogram --raw "$pid" | sort >live.classes
	mapheap --histogram --raw "$tracking.core" | sort >snapshot.classes
	[ "$(wc -l <live.classes)" -gt 100 ] || fail "$label: few classes"
	cmp live.classes snapshot.classes || fail "$label: the snapshot has other classes"
	rm "$tracking.core"
	# Running, it grows meanwhile; how much it had before and after is known.
	kill -CONT "$pid"
	before=$(($(rss_of "$pid") - base))
	memwho --json "$pid" >running.json || [ $? = 3 ]
	after=$(($(rss_of "$pid") - base))
	c2=$(($(owned running.json java.compiler.c2) / 1024))
	[ $c2 -ge $((before * 90 / 100)) ] && [ $c2 -le $((after * 105 / 100)) ] ||
		fail "$label: running, C2 has $c2 kB of $before to $after"
	kill -KILL "$pid"
done

# One compiler, and more to do than one method.
label=queue
# shellcheck disable=SC2046
start queue java $(echo $big_options | sed 's/-XX:CompileCommand=compileonly,[^ ]*//') \
	-XX:CICompilerCount=1 -cp classes Big
waits()
{
	memwho "$pid" | grep -Eq \
		'^ABOUT  java.compiler.c2: methods that wait to be compiled: [1-9][0-9]*, first [A-Za-z.]+::'
}
wait_until 40 waits || fail "$label: nothing waits: $(memwho "$pid" | grep ABOUT)"
kill -KILL "$pid"

# The interpreter alone, and C1 alone.
for option in -Xint "-XX:+TieredCompilation -XX:TieredStopAtLevel=1"; do
	# shellcheck disable=SC2086
	start "none${option%% *}" big $option
	sleep 1
	memwho --json "$pid" >none.json
	expect_equal "$(owned none.json java.compiler.c2)" 0 "$option: C2"
	kill -KILL "$pid"
done

# Compiled to its end.
big_class 90
start done big
wait_until 60 sh -c "[ \$(awk '/^VmHWM/ { print \$2 }' /proc/$pid/status) -gt $((base + 40000)) ]" ||
	fail "it was not compiled"
compiled()
{
	memwho --json "$pid" >done.json
	! jq -e '.owners[].evidence[] | select(.what | test("^compiling"))' done.json >/dev/null
}
wait_until 60 compiled || fail "it does not end"
sleep 6 # the JVM's pools of chunks are emptied after five seconds
memwho --json "$pid" >done.json
[ "$(owned done.json java.compiler.c2)" -lt $((1 << 20)) ] || fail "what is free is C2's"
jq -e '.owners[] | select(.owner == "malloc.free.glibc") | .resident_bytes > 20000000 and
	(.resident_bytes as $free | .last_used_by |
	any(.owner == "java.compiler.c2" and .bytes > $free * 75 / 100))' done.json ||
	fail "nobody used it last: $(jq -c '.owners[] | select(.owner == "malloc.free.glibc")' done.json)"

# It is named and dated, in a snapshot, too.
memwho "$pid" | grep -Eq "^ABOUT  malloc.free.glibc: java.compiler.c2 compiled Big::big\\(I\\)I at tier 4 in [0-9.]+ s, [0-9.]+ s ago" ||
	fail "what C2 compiled is not told: $(memwho "$pid" | grep ABOUT)"
run mapdump -q -o done.core "$pid"
[ "$status" = 3 ] || expect_status 0
memwho done.core | grep -q "^ABOUT  malloc.free.glibc: java.compiler.c2 compiled Big::big(I)I at tier 4 in .* after the JVM began" ||
	fail "what C2 compiled is not told of a snapshot: $(memwho done.core | grep ABOUT)"
rm done.core

# What a trim returns is what was foretold.
foretold=$(jq '[.arenas[].reclaimable_bytes] | add / 1024 | floor' done.json)
before=$(rss_of "$pid")
jcmd "$pid" System.trim_native_heap >answer || fail "$(cat answer)"
after=$(rss_of "$pid")
within $((before - after)) "$foretold" 5 ||
	fail "$foretold kB were foretold, $((before - after)) came back: $(cat answer)"
echo "trimmed: $((before - after)) of $foretold kB foretold"
kill -KILL "$pid"

# Given up.
big_class 300
# shellcheck disable=SC2086
start given-up java $given_up_options -cp classes Big
wait_until 60 is_given_up || fail "given up: $(memwho "$pid" | grep ABOUT)"
