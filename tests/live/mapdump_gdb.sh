# runner: timeout=180
# gdb opens the snapshot, lists every thread, and reads what the stopped process has.
. "$MS_SRC/tests/lib.sh"
. "$MS_SRC/tests/live/gdb.inc"

start maps mkmaps --threads=5 --spin=1
hold "$pid"
compare plain $never,$unselected mapdump
for tid in $(ls "/proc/$pid/task"); do
	grep -qE "LWP $tid\b" gdb.log || fail "gdb does not list thread $tid: $(cat gdb.log)"
done
expect_equal "$(grep -oE 'LWP [0-9]+' gdb.log | sort -u | wc -l)" \
	"$(ls "/proc/$pid/task" | wc -l)" "threads that gdb lists"
compare all $never mapdump --all --dontdump
