# Several libcs in one process, each an instance of its own whose every counter is right:
# loaded by dlmopen(), by a static program, and by LD_AUDIT.
. "$MS_SRC/tests/lib.sh"
. "$MS_SRC/tests/live/alloc_counters.inc"
. "$MS_SRC/tests/live/alloc_libcs.inc"
[ -x "$MS_BUILD/fixtures/libcs" ] || skip "static programs have one libc"

check_libcs one 0 libcs
check_libcs two 0 libcs 1
check_libcs four 0 libcs 3
if gcc -std=gnu17 -O2 -D_GNU_SOURCE -DLIBCS_STATIC -pthread -static \
	"$MS_SRC/fixtures/libcs.c" -o libcs-static 2>static.log; then
	check_libcs static 0 ./libcs-static 1
else
	head -n 3 static.log
fi
echo "$auditor_source" >auditor.c
gcc -shared -fPIC auditor.c -o auditor.so
export LD_AUDIT="$TMP/auditor.so"
check_libcs audited 1 libcs
check_libcs both 1 libcs 1
