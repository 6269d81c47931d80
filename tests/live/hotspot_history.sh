# runner: tier=full timeout=600
# Threads and history of a JVM equal what the JVM itself says in hs_err when it dies: each
# thread by name, stack and state, each event of each ring; collections as its log has
# them, counters as jcmd, agents as it was told.
. "$MS_SRC/tests/lib.sh"
need_command jq java jcmd javac jar awk

DUMP=$MS_BUILD/tests/history_dump
[ -x "$DUMP" ] || skip "history_dump is not built"

# hs_err's lists of threads: tid, name, stack, state. The watcher's name is not in all.
jvm_threads()
{
	sed -nE \
		-e 's/^..0x[0-9a-f]+ [A-Za-z0-9]+ "(.*)" (daemon )?\[(_thread_[A-Za-z_]+), id=([0-9]+), stack\(0x0*([0-9a-f]+),0x0*([0-9a-f]+)\).*/\4 \5 \6 \3 \1/p' \
		-e 's/^..0x[0-9a-f]+ [A-Za-z0-9]+ "(.*)" \[stack: 0x0*([0-9a-f]+),0x0*([0-9a-f]+)\] \[id=([0-9]+)\].*/\4 \2 \3 - \1/p' \
		-e 's/^..0x[0-9a-f]+ WatcherThread \[stack: 0x0*([0-9a-f]+),0x0*([0-9a-f]+)\] \[id=([0-9]+)\].*/\3 \1 \2 - VM Periodic Task Thread/p' \
		"$1" | sort -n
}

our_threads()
{
	jq -r '.threads.v[] | "\(.tid) \(.stack_start[2:]) \(.stack_end[2:]) " +
		"\(.state // "-") \(.name)"' "$1" | sort -n
}

# The rings, without times and blank lines.
jvm_events()
{
	awk '/^[A-Z].* \([0-9]+ events\):$/ { in_ring = 1 }
		/^Dynamic libraries:/ { in_ring = 0 }
		in_ring && NF && !/^No events/' "$1" | sed -E 's/^Event: [0-9.]+ /Event: /'
}

our_events()
{
	jq -r '.events | .v as $v | .logs[] | .name as $log |
		"\($log) (\(.count) events):",
		($v[] | select(.log == $log) | "Event: " +
			(if $log == "GC Heap History" then
				(if .text | test("^{?Heap before") then "GC heap before\n"
				 else "GC heap after\n" end)
			 elif .thread != "0x0" then "Thread 0x0000\(.thread[2:]) "
			 else "" end) + .text)' "$1" | grep -v '^$'
}

# full or young, of the last N that the log names.
logged_kinds()
{
	grep -oE 'Pause (Young|Full|Remark|Cleanup)' "$1" |
		sed -n 's/Pause Full/full/p; s/Pause Young/young/p' | tail -"$2"
}

# The agent's jar.
cat >Agent.java <<'EOF'
public class Agent {
	public static void premain(String options) {}
	public static void agentmain(String options) {}
}
EOF
javac -d agent Agent.java 2>/dev/null
printf 'Premain-Class: Agent\nAgent-Class: Agent\n' >manifest
jar cfm agent.jar manifest -C agent .

# Instrumented code takes its time.
collectors="Serial G1"
[ -z "${MS_SANITIZED:-}" ] || collectors=G1
for gc in $collectors; do
	start_java $gc -XX:+Use${gc}GC -Xmx64m -XX:-CreateCoredumpOnCrash \
		"-XX:ErrorFile=$TMP/$gc.err" "-Xlog:gc:file=$TMP/$gc.log" \
		"-javaagent:$TMP/agent.jar=at=start" -- --heap=16
	for i in 1 2 3 4 5 6 7; do
		jcmd "$pid" GC.run >/dev/null
	done
	jcmd "$pid" JVMTI.agent_load "$TMP/agent.jar" '"at=later"' >/dev/null
	jcmd "$pid" PerfCounter.print >counters
	sleep 1
	hold "$pid"
	"$DUMP" "$pid" >dump.json
	kill -SEGV "$pid"
	kill -CONT "$pid"
	wait_until 30 grep -q 'END\.' "$gc.err" || fail "$gc: the JVM wrote no hs_err"

	jvm_threads "$gc.err" >want
	our_threads dump.json >got
	[ "$(wc -l <want)" -gt 10 ] || fail "$gc: threads of hs_err: $(cat want)"
	cmp want got || fail "$gc: threads: $(diff want got)"
	expect_equal "$(jq -c .threads.unlisted dump.json)" '["java"]' \
		"$gc: threads that are none of the JVM's"

	jvm_events "$gc.err" >want
	our_events dump.json >got
	[ "$(wc -l <want)" -gt 100 ] || fail "$gc: events of hs_err: $(cat want)"
	cmp want got || fail "$gc: events: $(diff want got | head -20)"

	jq -r '.collections[] | select(.full != null) |
		if .full then "full" else "young" end' dump.json >got
	[ "$(wc -l <got)" -gt 5 ] || fail "$gc: collections: $(cat got)"
	logged_kinds "$gc.log" "$(wc -l <got)" >want
	cmp want got || fail "$gc: collections: $(diff want got)"

	# Counters that attaching does not change.
	grep -E '^(sun\.gc\.collector\.[0-9]+\.(invocations|name)|sun\.gc\.lastCause|sun\.gc\.policy\.name|java\.property\.java\.(version|home)|sun\.rt\.javaCommand)=' counters |
		sed 's/=\(".*"\)$/=\1/' | sort >want
	jq -r '.counters | to_entries[] | "\(.key)=\(.value | @json)"' dump.json | sort >all
	[ "$(wc -l <want)" -gt 5 ] || fail "$gc: counters of jcmd: $(cat want)"
	comm -23 want all >missing
	[ ! -s missing ] || fail "$gc: counters: $(cat missing)"

	expect_equal "$(jq -c '[.agents[] | [.name, .options, .attached, .loaded]]' \
		dump.json)" \
		"[[\"$TMP/agent.jar\",\"at=start\",false,true],[\"$TMP/agent.jar\",\"at=later\",true,true]]" \
		"$gc: agents"
done
