# eu-readelf reads every part of the snapshot without a complaint; so does readelf.
. "$MS_SRC/tests/lib.sh"
need_utility mapdump
need_command eu-readelf jq

start maps mkmaps --threads=2
hold "$pid"
run mapdump "$pid" -o out.core
[ "$status" = 0 ] || [ "$status" = 3 ] || expect_status 0
run eu-readelf -aW out.core
expect_status 0
[ ! -s err ] || fail "eu-readelf complains: $(cat err)"
grep -q 'Type: *CORE' out || fail "not a core"
for note in PRPSINFO PRSTATUS AUXV FILE memsleuth; do
	grep -q "$note" out || fail "no note $note"
done
if grep -iE 'invalid|corrupt|unknown program header|out of range|<unknown>: [0-9]+$' out | grep -v memsleuth; then
	fail "eu-readelf finds something odd"
fi
# A hole of the file for each mapping that was not captured, and none of them overlap.
eu-readelf -lW out.core | awk '$1 == "LOAD" { print $3, $6 }' >loads
[ -s loads ] || fail "no segments"
python3 - <<'END'
previous = 0
for line in open("loads"):
    start, size = (int(x, 16) for x in line.split())
    assert start >= previous, "segments overlap or go backwards at %#x" % start
    previous = start + size
END
