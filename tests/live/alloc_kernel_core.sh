# runner: timeout=180 alone
# A core that the kernel wrote is as good as the process it was: with the pages that it
# holds by default, and with those of files too.
. "$MS_SRC/tests/lib.sh"
. "$MS_SRC/tests/live/alloc_counters.inc"

# A pattern without a directory has the kernel write into the working directory, ours.
pattern_file=/proc/sys/kernel/core_pattern
pattern=$(cat $pattern_file)
restore()
{
	echo "$pattern" >$pattern_file
}
case $pattern in
*[/\|]*)
	# shellcheck disable=SC2320
	echo core 2>/dev/null >$pattern_file || skip "the kernel's core_pattern is '$pattern'"
	trap 'restore; cleanup' EXIT
	;;
esac
# shellcheck disable=SC3045
ulimit -c unlimited 2>/dev/null || skip "the limit of core files cannot be raised"

is_dumped()
{
	! kill -0 "$1" 2>/dev/null
}

blocks_few=
# check FILTER NAME COMMAND...
check()
{
	filter=$1
	name=$2
	shift 2
	start_blocks "$name" "$@"
	echo "$filter" >"/proc/$pid/coredump_filter"
	hold "$pid"
	dump "$pid" "$name.live"
	expect_counters "$name.json" "$name.live" glibc
	kill -ABRT "$pid"
	kill -CONT "$pid"
	wait "$pid" 2>/dev/null || :
	core=$(find . -name 'core*' -size +100k)
	[ -n "$core" ] || skip "the kernel wrote no core"
	dump "$core" "$name.core"
	expect_counters "$name.json" "$name.core" glibc
	rm "$core"
}

check 0x33 default blocks --blocks=3000
check 0x37 files blocks --blocks=3000 --refuse-brk --seed=2
blocks_cc static gcc -static
check 0x33 static ./static --blocks=3000 --foreign-sizes --seed=3
export GLIBC_TUNABLES=glibc.malloc.hugetlb=2
check 0x33 huge blocks --blocks=3000 --seed=4
