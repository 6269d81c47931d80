# Every block under musl's mallocng, dynamic and static.
. "$MS_SRC/tests/lib.sh"
. "$MS_SRC/tests/live/alloc_counters.inc"
need_command musl-gcc

for link in dynamic static; do
	flag=
	[ $link = dynamic ] || flag=-static
	blocks_cc blocks-$link musl-gcc $flag
	start_blocks $link ./blocks-$link
	expect_equal "$(truth $link .allocator)" musl allocator
	hold "$pid"
	dump "$pid" $link.live
	expect_counters $link.json $link.live musl
	finish
done
