# runner: tier=full timeout=600
# The same with the oldest and the newest glibc there are roots of, and the allocators that
# keep their books apart: 3,300 times.
. "$MS_SRC/tests/lib.sh"
. "$MS_SRC/tests/live/alloc_counters.inc"
. "$MS_SRC/tests/live/alloc_mutate.inc"
. "$MS_SRC/tests/roots.inc"

# preload RUNS SUITE LIBRARY
preload()
{
	ms_library=$(ms_root_library "$3") || fail "no $3 in the root of $2"
	# shellcheck disable=SC2086
	mutate "$2-$3" "$1" ms_root_run "$2" -p "$ms_library" "$2-blocks" $mutate_options
}

for suite in bullseye sid; do
	ms_root $suite
	blocks_cc $suite-blocks ms_root_cc $suite
	# shellcheck disable=SC2086
	mutate $suite 400 ms_root_run $suite $suite-blocks $mutate_options
	preload 450 $suite libjemalloc
	preload 300 $suite libtcmalloc
done
ms_root bookworm
blocks_cc bookworm-blocks ms_root_cc bookworm
preload 1000 bookworm libmimalloc
