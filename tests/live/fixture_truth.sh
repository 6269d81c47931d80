# The fixture's truth agrees with the kernel, object by object: other tests rely on it.
. "$MS_SRC/tests/lib.sh"
need_command jq python3

start maps mkmaps --threads=3 --fork
for name in $(truth maps '.skipped[].name'); do
	echo "not made here: $name"
done
# Resident bytes by mapping: those inside an object must sum to what the fixture said.
# A mapping that begins before an object belongs to none.
python3 - "/proc/$pid/smaps" maps.json <<'END'
import json, re, sys
mappings = []
for line in open(sys.argv[1]):
    head = re.match(r"([0-9a-f]+)-([0-9a-f]+) ", line)
    if head:
        mappings.append([int(head[1], 16), int(head[2], 16), 0])
    elif line.startswith("Rss:"):
        mappings[-1][2] = int(line.split()[1]) * 1024
checked = wrong = 0
for o in json.load(open(sys.argv[2]))["objects"]:
    start, size = int(o["address"], 16), o["size"]
    if not start or o["resident_bytes"] is None:
        continue
    inside = [m for m in mappings if m[0] >= start and m[1] <= start + size]
    checked += 1
    covered = sum(m[1] - m[0] for m in inside)
    rss = sum(m[2] for m in inside)
    if covered != size or rss != o["resident_bytes"]:
        print(o["name"], "covers", covered, "of", size, "Rss", rss, "said", o["resident_bytes"])
        wrong += 1
print(checked, "objects checked")
sys.exit(wrong > 0 or checked < 20)
END
for tid in $(truth maps '.threads[].tid'); do
	expect_equal "$(cat "/proc/$pid/task/$tid/comm")" \
		"$(truth maps ".threads[] | select(.tid == $tid).name")" "name of thread $tid"
done
# Text is where it was said to be.
address=$(object maps text_utf16le text_address)
peek "$pid" "$address" "$(object maps text_utf16le text_bytes)" text
expect_equal "$(python3 -c 'print(open("text","rb").read().decode("utf-16-le"))')" \
	"$(object maps text_utf16le text)" "utf-16 text"
