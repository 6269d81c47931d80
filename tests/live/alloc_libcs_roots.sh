# runner: tier=full
# The same under the libc of each Debian suite.
. "$MS_SRC/tests/lib.sh"
. "$MS_SRC/tests/live/alloc_counters.inc"
. "$MS_SRC/tests/live/alloc_libcs.inc"
. "$MS_SRC/tests/roots.inc"

for suite in $ms_root_suites; do
	ms_root "$suite"
	ms_root_cc "$suite" -std=gnu17 -O2 -D_GNU_SOURCE -pthread "$MS_SRC/fixtures/libcs.c" \
		-o "libcs-$suite"
	echo "$auditor_source" >auditor.c
	ms_root_cc "$suite" -shared -fPIC auditor.c -o "auditor-$suite.so"
	check_libcs "$suite.two" 0 ms_root_run "$suite" -s "libcs-$suite" 1
	check_libcs "$suite.four" 0 ms_root_run "$suite" -s "libcs-$suite" 3
	export LD_AUDIT="$TMP/auditor-$suite.so"
	# 2.31 crashes in dlmopen() under an auditor.
	check_libcs "$suite.audited" 1 ms_root_run "$suite" -s "libcs-$suite"
	unset LD_AUDIT
done
