# runner: timeout=180
# gdb opens the snapshot, lists every thread, and reads what the stopped process has.
. "$MS_SRC/tests/lib.sh"
need_utility mapdump
need_command gdb jq

start maps mkmaps --threads=5 --spin=1
hold "$pid"
run mapdump "$pid" -o out.core
[ "$status" = 0 ] || [ "$status" = 3 ] || expect_status 0

# The objects whose every byte both sides can give; memory never touched reads as zero.
jq -r '.objects[]
	| select(.size > 0 and .address != "0x0")
	| select(.name | IN("guard", "memfd_secret", "dontdump", "hugetlb", "file_private",
		"prot_none_hole") | not)
	| "\(.name) \(.address) \(.size)"' maps.json >objects
[ "$(wc -l <objects)" -ge 20 ] || fail "too few objects to compare: $(cat objects)"
{
	echo "info threads"
	while read -r name address size; do
		echo "dump binary memory gdb.$name $address $address+$size"
	done <objects
} >script
gdb -nx -batch -c out.core -x script >gdb.log 2>&1 || {
	cat gdb.log
	fail "gdb does not like the snapshot"
}
if grep -iE 'warning|error|truncated|malformed' gdb.log | grep -v 'auto-load'; then
	fail "gdb complains"
fi
for tid in $(ls "/proc/$pid/task"); do
	grep -qE "LWP $tid\b" gdb.log || fail "gdb does not list thread $tid: $(cat gdb.log)"
done
expect_equal "$(grep -cE 'LWP [0-9]+' gdb.log)" "$(ls "/proc/$pid/task" | wc -l)" \
	"threads that gdb lists"
while read -r name address size; do
	peek "$pid" "$address" "$size" "live.$name"
	cmp "live.$name" "gdb.$name" || fail "$name differs"
done <objects
echo "$(wc -l <objects) objects equal"
