# Looking at every block of a process changes nothing of its memory: neither where pages are
# absent, nor where a parent and its child share them.
. "$MS_SRC/tests/lib.sh"
. "$MS_SRC/tests/live/alloc_counters.inc"
need_utility memwho
need_plain_build

# Page tables and all that the kernel counts of processes, which are stopped.
sums()
{
	for p; do
		grep -E '^(VmRSS|VmPTE|VmSwap|RssAnon|RssFile|RssShmem):' "/proc/$p/status"
		grep -E '^(Rss|Pss_Anon|Shared_Dirty|Private_Dirty|Anonymous):' \
			"/proc/$p/smaps_rollup"
	done
}

# check NAME PID...: look at each of them in every way.
check()
{
	name=$1
	shift
	sums "$@" >"$name.before"
	for p; do
		for what in --blocks --arenas --mappings --tasks ""; do
			# shellcheck disable=SC2086
			run memwho --threads=2 $what "$p"
			[ "$status" = 0 ] || [ "$status" = 3 ] || expect_status 0
		done
		dump "$p" "$name.$p" 2
		expect_counters blocks.json "$name.$p" glibc
	done
	sums "$@" >"$name.after"
	diff "$name.before" "$name.after" || fail "$name: the memory of a stopped process changed"
}

# Half of what calloc() gives is never touched.
start_blocks blocks blocks --phase=sizes,calloc,mmapped,align --threads=2 --blocks=20000
hold "$pid"
check alone "$pid"

kill -CONT "$pid"
tell blocks fork
child=$(jq .child_pid blocks.answer)
sed -i '$d' blocks.json
hold "$pid"
hold "$child"
shared=$(kib "/proc/$pid/smaps_rollup" Shared_Dirty)
[ "$shared" -ge $((100 << 10)) ] || fail "parent and child share $shared kB only"
check shared "$pid" "$child"
echo "$shared kB shared by parent and child before and after"
