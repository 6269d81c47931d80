# runner: timeout=600
# The books of glibc's malloc and of musl's, overwritten at random in a snapshot, 6,700
# times: no crash, no end of reading, and what is stamped exact is what there was.
. "$MS_SRC/tests/lib.sh"
. "$MS_SRC/tests/live/alloc_counters.inc"
. "$MS_SRC/tests/live/alloc_mutate.inc"

# shellcheck disable=SC2086
mutate arenas 2000 blocks $mutate_options
# shellcheck disable=SC2086
mutate foreign 1000 blocks $mutate_options --foreign-sbrk --blocks=600
mutate mmapped 1200 blocks --threads=1 --blocks=50 --size-max=20000 \
	--phase=sizes,mmapped,fastbins
blocks_cc static gcc -static
# shellcheck disable=SC2086
mutate static 1000 ./static $mutate_options
if command -v musl-gcc >/dev/null; then
	blocks_cc musl musl-gcc -static
	# shellcheck disable=SC2086
	mutate musl 1500 ./musl $mutate_options
fi
