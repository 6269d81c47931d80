# runner: timeout=180
# gdb opens the snapshot, lists every thread, and reads what the stopped process has.
. "$MS_SRC/tests/lib.sh"
need_utility mapdump
need_command gdb jq

start maps mkmaps --threads=5 --spin=1
hold "$pid"

# compare NAME EXCEPT OPTION...: every object whose bytes both sides can give, through gdb and
# from the process; memory never touched reads as zero. EXCEPT is a comma list.
compare()
{
	name=$1
	except=$2
	shift 2
	run mapdump "$@" "$pid" -o "$name.core"
	[ "$status" = 0 ] || [ "$status" = 3 ] || expect_status 0
	jq -r --arg except "$except" '.objects[]
		| select(.size > 0 and .address != "0x0")
		| select([.name] | inside($except | split(",")) | not)
		| "\(.name) \(.address) \(.size)"' maps.json >objects
	[ "$(wc -l <objects)" -ge 20 ] || fail "too few objects to compare: $(cat objects)"
	{
		echo "info threads"
		while read -r object address size; do
			echo "dump binary memory gdb.$object $address $address+$size"
		done <objects
	} >script
	gdb -nx -batch -c "$name.core" -x script >gdb.log 2>&1 || {
		cat gdb.log
		fail "gdb does not like the snapshot"
	}
	if grep -iE 'warning|error|truncated|malformed' gdb.log | grep -v 'auto-load'; then
		fail "gdb complains"
	fi
	while read -r object address size; do
		peek "$pid" "$address" "$size" "live.$object"
		cmp "live.$object" "gdb.$object" || fail "$object differs"
	done <objects
	echo "$name: $(wc -l <objects) objects equal"
}

# One side or the other cannot give all bytes of these. Of file_private the process has only
# the pages it wrote to; reading it through /proc/PID/mem would fault in the others.
never=guard,memfd_secret,hugetlb,prot_none_hole,file_private
compare plain $never,dontdump,file_deleted,long_name
for tid in $(ls "/proc/$pid/task"); do
	grep -qE "LWP $tid\b" gdb.log || fail "gdb does not list thread $tid: $(cat gdb.log)"
done
expect_equal "$(grep -oE 'LWP [0-9]+' gdb.log | sort -u | wc -l)" \
	"$(ls "/proc/$pid/task" | wc -l)" "threads that gdb lists"
compare all $never --all --dontdump
