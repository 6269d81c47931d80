# A snapshot keeps the threads by name: cores have no place for names, so gdb shows none.
. "$MS_SRC/tests/lib.sh"
need_utility mapdump memwho
need_command jq

start maps mkmaps --threads=5 --spin=1
hold "$pid"
run mapdump "$pid" -o out.core
expect_status 0
run memwho --json out.core
expect_status 0
jq -r '.threads[] | "\(.tid) \(.name)"' out | sort >got
for task in /proc/"$pid"/task/*; do
	echo "${task##*/} $(cat "$task/comm")"
done | sort >expected
[ "$(wc -l <expected)" -gt 5 ] || fail "the fixture has too few threads"
cmp got expected || fail "names differ: $(diff got expected)"
