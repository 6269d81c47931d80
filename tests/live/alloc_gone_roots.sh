# runner: tier=full
# The same with the libc of each Debian suite.
. "$MS_SRC/tests/lib.sh"
. "$MS_SRC/tests/live/alloc_counters.inc"
. "$MS_SRC/tests/live/alloc_gone.inc"
. "$MS_SRC/tests/roots.inc"

for suite in $ms_root_suites; do
	ms_root "$suite"
	blocks_cc "blocks-$suite" ms_root_cc "$suite"
	check_gone "$suite" "$TMP/blocks-$suite" "$root"
done
