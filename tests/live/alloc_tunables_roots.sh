# runner: tier=full timeout=400
# The same under the glibc of each Debian suite: tunables and what they change came with
# different releases.
. "$MS_SRC/tests/lib.sh"
. "$MS_SRC/tests/live/alloc_counters.inc"
. "$MS_SRC/tests/live/alloc_tunables.inc"
. "$MS_SRC/tests/roots.inc"

for suite in $ms_root_suites; do
	ms_root "$suite"
	blocks_cc "blocks-$suite" ms_root_cc "$suite"
	check_tunables "$suite" ms_root_run "$suite" -s "blocks-$suite"
done
