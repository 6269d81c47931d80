# runner: timeout=240
# glibc's malloc under its tunables: every block still found, every sum its own.
. "$MS_SRC/tests/lib.sh"
. "$MS_SRC/tests/live/alloc_counters.inc"
. "$MS_SRC/tests/live/alloc_tunables.inc"

check_tunables here blocks

# As many mappings as a program has that stores all it has in them.
many=20000
[ -z "${MS_SANITIZED:-}" ] || many=2000
blocks_few=
check_tunable many glibc.malloc.mmap_threshold=4096:glibc.malloc.mmap_max=1000000 \
	blocks --threads=0 --phase=sizes --size-min=4100 --size-max=8000 --blocks=$many
[ "$(jq '.instances[0].mmapped_blocks' many.live)" -gt $((many * 9 / 10)) ] ||
	fail "too few mappings to tell"
