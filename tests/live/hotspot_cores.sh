# runner: tier=full timeout=600 alone
# Of a core, whoever wrote it, hotspot_dump says what it says of the stopped process: with the
# file of libjvm.so, which most cores lack parts of, or without it where they do not.
. "$MS_SRC/tests/lib.sh"
. "$MS_SRC/tests/jdks.inc"
need_utility mapdump
need_command gcore jq

# The kernel writes it into the working directory: that of the root.
pattern_file=/proc/sys/kernel/core_pattern
pattern=$(cat $pattern_file)
restore()
{
	echo "$pattern" >$pattern_file
}
# shellcheck disable=SC2320
echo /tmp/core 2>/dev/null >$pattern_file || skip "the kernel's core_pattern is '$pattern'"
trap 'restore; cleanup' EXIT
# shellcheck disable=SC3045
ulimit -c unlimited 2>/dev/null || skip "the limit of core files cannot be raised"
heaps_class

dump()
{
	"$MS_BUILD/tests/hotspot_dump" "$@"
}

# What pages are in a core is not what was resident, and only a file has .symtab.
settled()
{
	jq --arg symbols "$has_symbols" \
		'del(.heap.spaces[].resident) | if $symbols == "" then
			del(.has_symbols, .heap.tables, .heap.notes) else . end' "$1"
}

# check NAME CORE [SYSROOT]: against NAME.live.
check()
{
	name=$1
	core=$2
	shift 2
	dump "$core" "$@" >dumped || fail "$name: $core"
	settled "$name.live" >wanted
	settled dumped >got
	diff wanted got >difference || {
		head -n 20 difference
		fail "$name: the core $core says something else"
	}
	echo "$name: $core equals the process"
}

# killed NAME JDK FILTER FLAG...: a JVM, our snapshot of it and the kernel's core.
killed()
{
	name=$1
	jdk=$2
	filter=$3
	shift 3
	need_jdk "$jdk"
	start "$name" heaps_run "$jdk" -Xms32m -Xmx128m -Xmn12m "$@" Heaps
	echo "$filter" >"/proc/$pid/coredump_filter"
	hold "$pid"
	dump "$pid" >"$name.live"
	[ "$(jq '.heap.regions | length' "$name.live")" -gt 1 ] || fail "$name: no heap"
	run mapdump -q -o "$name.snapshot" "$pid"
	[ "$status" = 3 ] || expect_status 0
	if [ "$name" = serial ]; then
		gcore -o "$name.gcore" "$pid" >gcore.log 2>&1 || fail "$(tail -n 3 gcore.log)"
		mv "$name.gcore.$pid" "$name.gcore"
	fi
	kill -ABRT "$pid"
	kill -CONT "$pid"
	wait "$pid" 2>/dev/null || :
	core=$(find . -name 'core*' -size +100k)
	[ -n "$core" ] || skip "the kernel wrote no core"
	mv "$core" "$name.core"
}

has_symbols=yes
killed serial 17 0x33 -XX:+UseSerialGC
check serial serial.snapshot
check serial serial.core "$root"
# gdb writes names as they are outside of the root.
check serial serial.gcore /
run dump serial.core
expect_status 2
grep -q -e '--sysroot' err || fail "no word of --sysroot: $(cat err)"

killed g1 17 0x37 -XX:+UseG1GC
check g1 g1.snapshot
check g1 g1.core "$root"
has_symbols=
check g1 g1.core

has_symbols=yes
killed eight 8 0x33 -XX:+UseG1GC
check eight eight.snapshot
check eight eight.core "$root"
