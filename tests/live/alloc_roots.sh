# runner: tier=full timeout=300
# Every block under the glibc of each Debian suite, in a root of its own, dynamic and static.
. "$MS_SRC/tests/lib.sh"
. "$MS_SRC/tests/live/alloc_counters.inc"
. "$MS_SRC/tests/roots.inc"

for suite in $ms_root_suites; do
	ms_root "$suite"
	for link in dynamic static; do
		flag=
		[ $link = dynamic ] || flag=-static
		blocks_cc "$suite-$link" ms_root_cc "$suite" $flag
		start_blocks "$suite.$link" ms_root_run "$suite" "$suite-$link" \
			--foreign-sbrk --blocks=4000
		hold "$pid"
		dump "$pid" "$suite.$link.live"
		expect_counters "$suite.$link.json" "$suite.$link.live" glibc
		finish
	done
done
