# runner: tier=full timeout=600
# The same with the oldest and the newest glibc there are roots of, and the allocators that
# keep their books apart: 3,300 times.
. "$MS_SRC/tests/lib.sh"
. "$MS_SRC/tests/live/alloc_counters.inc"
. "$MS_SRC/tests/live/alloc_mutate.inc"
. "$MS_SRC/tests/roots.inc"

# preload NAME RUNS SUITE LIBRARY
preload()
{
	ms_library=$(ms_root_library "$4") || fail "no $4 in the root of $3"
	# shellcheck disable=SC2086
	mutate "$1" "$2" ms_root_run "$3" -p "$ms_library" "$3-blocks" $mutate_options
}

for suite in bullseye bookworm sid; do
	ms_root $suite
	blocks_cc $suite-blocks ms_root_cc $suite
	[ $suite = bookworm ] ||
		# shellcheck disable=SC2086
		mutate $suite 400 ms_root_run $suite $suite-blocks $mutate_options
	[ $suite = bookworm ] || preload $suite-jemalloc 450 $suite libjemalloc
	[ $suite = bookworm ] || preload $suite-gperftools 300 $suite libtcmalloc
	[ $suite != bookworm ] || preload $suite-mimalloc 1000 $suite libmimalloc
done
