# runner: tier=full timeout=300
# Every block under jemalloc: preloaded, of each suite, linked in, and under a prefix beside
# libc's own malloc.
. "$MS_SRC/tests/lib.sh"
. "$MS_SRC/tests/live/alloc_counters.inc"
. "$MS_SRC/tests/roots.inc"

# check NAME COMMAND...
check()
{
	start_blocks "$@"
	expect_equal "$(truth "$1" .allocator)" jemalloc "allocator of $1"
	hold "$pid"
	dump "$pid" "$1.live"
	expect_counters "$1.json" "$1.live" jemalloc
	finish
}

for suite in $ms_root_suites; do
	ms_root "$suite"
	library=$(ms_root_library libjemalloc) || fail "no jemalloc in the root of $suite"
	blocks_cc "$suite-blocks" ms_root_cc "$suite"
	check "$suite" ms_root_run "$suite" -p "$library" "$suite-blocks"
done
export MALLOC_CONF=dirty_decay_ms:0
check purged ms_root_run "$suite" -p "$library" "$suite-blocks"
unset MALLOC_CONF

# Linked into the program, in place of libc's malloc; and under a prefix, as programs have it
# that bring their own, with libc's malloc in use beside it.
archive=$root/usr/lib/$ms_multiarch/libjemalloc.a
blocks_libraries="$archive -lm"
blocks_cc linked ms_root_cc "$suite" -static
check linked ms_root_run "$suite" linked
rename=
define=-DBLOCKS_STATIC
for name in malloc calloc realloc free aligned_alloc posix_memalign memalign \
	malloc_usable_size mallctl; do
	rename="$rename --redefine-sym $name=je_$name"
	define="$define -D$name=je_$name"
done
# shellcheck disable=SC2086
objcopy $rename "$archive" prefixed.a
blocks_libraries="prefixed.a -lm"
# shellcheck disable=SC2086
blocks_cc prefixed ms_root_cc "$suite" $define
check prefixed ms_root_run "$suite" prefixed
jq -e '[.instances[].allocator] | contains(["glibc", "jemalloc"])' prefixed.live >/dev/null ||
	fail "two allocators, but seen: $(jq -c .instances prefixed.live)"
