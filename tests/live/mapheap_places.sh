# runner: timeout=240
# Where the JVM puts objects, under Serial: what mapheap says of a program that it held at its
# exit is what the JVM's own log says, line by line.
. "$MS_SRC/tests/lib.sh"
need_utility mapheap
need_command java javac python3

mkdir -p classes
javac -d classes "$MS_SRC/fixtures/Places.java"

cat >compare.py <<'END'
import json, re, sys

heap = json.load(open(sys.argv[1]))
log = open(sys.argv[2]).read()
spaces = {s["name"]: s for s in heap["spaces"]}
names = {"eden": "eden", "from": "from", "to": "to", "the": "tenured"}
wrong = []

def same(what, ours, theirs):
    if ours != theirs:
        wrong.append("%s: %s, the log says %s" % (what, ours, theirs))

# "  eden space 8192K,  51% used [0x..., 0x..., 0x...)"; of the old space four addresses.
exits = re.findall(r"heap,exit *\]\s+(eden|from|to|the)\s+space (\d+)K,\s+(\d+)% used \[(\S+), (\S+), (?:\S+, )?(\S+)\)", log)
same("spaces in the log", len(exits), 4)
for name, capacity, percent, bottom, top, end in exits:
    s = spaces[names[name]]
    same(name + " capacity", s["capacity_bytes"] // 1024, int(capacity))
    same(name + " used", s["used_bytes"] * 100 // s["capacity_bytes"], int(percent))
    same(name + " start", int(s["start"], 16), int(bottom, 16))
    same(name + " end", int(s["end"], 16), int(end, 16))
    if name != "the": # the log rounds this one up
        same(name + " top", int(s["top"], 16), int(top, 16))

# "GC(0) - age   1:     458944 bytes,     458944 total", of the last collection.
last = heap["total_collections"] - 1
ages = {int(a): int(b) for g, a, b in re.findall(r"GC\((\d+)\) - age +(\d+): +(\d+) bytes", log) if int(g) == last}
table = {i: n for i, n in enumerate(heap.get("age_table", [])) if n}
same("age table", table, ages)
from_space = {a["age"]: a["bytes"] for a in heap["ages"] if a["space"] == "from"}
same("ages by mark words", from_space, ages)
desired = re.findall(r"Desired survivor size (\d+) bytes, new threshold (\d+) \(max threshold (\d+)\)", log)
if desired:
    size, threshold, most = map(int, desired[-1])
    same("desired survivor size", heap["desired_survivor_bytes"], size)
    same("threshold", heap["tenuring_threshold"], threshold)
    same("max threshold", heap["max_tenuring_threshold"], most)

# "GC(0) DefNew: 7127K(9216K)->448K(9216K) Eden: ... From: ...", "GC(0) Tenured: ..."
by_number = {c["id"]: c for c in heap["collections"]}
labels = {"Eden": "eden", "From": "from", "Tenured": "tenured"}
seen = 0
for number, line in re.findall(r"GC\((\d+)\) ((?:DefNew|Tenured): .*)", log):
    c = by_number[int(number)]
    for label, before, _, after, _ in re.findall(r"(Eden|From|Tenured): (\d+)K\((\d+)K\)->(\d+)K\((\d+)K\)", line):
        seen += 1
        for when, kib in (("before", before), ("after", after)):
            same("GC(%s) %s %s" % (number, label, when), c[when][labels[label]]["used_bytes"] // 1024, int(kib))
same("collections", len(by_number), heap["total_collections"])
if not seen and heap["total_collections"]:
    wrong.append("no line of the log was compared")
for c in heap["collections"]:
    cause = re.search(r"GC\(%d\) Pause \w+ \((.*)\) \d+M->" % c["id"], log)
    if cause and c["cause"]:
        same("GC(%d) cause" % c["id"], c["cause"], cause.group(1))
if wrong:
    print("\n".join(wrong))
sys.exit(bool(wrong))
END

# places NAME OPTION... -- ARGUMENT...: runs it under mapheap and compares with its log.
places()
{
	name=$1
	shift
	options=
	while [ "$1" != -- ]; do
		options="$options $1"
		shift
	done
	shift
	# shellcheck disable=SC2086
	mapheap --json -- java -XX:+UseSerialGC -Xms20M -Xmx20M -Xmn10M -XX:SurvivorRatio=8 \
		"-Xlog:gc*=info,gc+age=trace,gc+heap=debug,gc+heap+exit=info:file=$name.log" \
		$options -cp classes Places "$@" >"$name.json"
	python3 compare.py "$name.json" "$name.log" || fail "$name: mapheap and the log differ"
}

# sits NAME LENGTH SPACE...: where the byte arrays of this length are.
sits()
{
	want=$3
	expect_equal "$(jq -r --argjson n "$2" \
		'[.large[] | select(.class == "byte[]" and .length == $n).space] | join(" ")' \
		"$1.json")" "$want" "$1: arrays of $2"
}

need_command jq
places three -- three
sits three 2097152 "tenured tenured tenured"
sits three 4194304 eden
expect_equal "$(jq -r '.collections[0].why' three.json)" "larger than a survivor space" "why"
expect_equal "$(jq -r '.collections[0].promoted_bytes' three.json)" 6291504 "promoted"
places large -- large
sits large 4194304 eden
places pretenured -XX:PretenureSizeThreshold=3M -- large
sits pretenured 4194304 tenured
for threshold in 1 15; do
	places ages-$threshold -XX:MaxTenuringThreshold=$threshold -XX:TargetSurvivorRatio=80 -- \
		ages 4000
	expect_equal "$(jq .max_tenuring_threshold ages-$threshold.json)" $threshold threshold
done
places share -- ages 6000

# The same in words.
mapheap -- java -XX:+UseSerialGC -Xms20M -Xmx20M -Xmn10M -XX:SurvivorRatio=8 -cp classes \
	Places three >words
grep -q 'byte\[4,194,304\] did not fit in eden' words || fail "no trigger: $(cat words)"
grep -q 'moved to tenured 6,144K = 3 x byte\[2,097,152\]' words || fail "no promotion"
grep -q 'WHY  survivor overflow: 2,048K does not fit in 1,024K' words || fail "no reason"
grep -q "^TRY  -XX:PretenureSizeThreshold=3M puts byte.4,194,304. straight into tenured; --follow 'byte.2M.' tracks" words ||
	fail "nothing to try: $(cat words)"
mapheap -- java -XX:+UseSerialGC -Xmx50M -XX:PretenureSizeThreshold=3M -cp classes Places large |
	grep -q TRY && fail "what was done is not to be tried"
# A full collection without a promotion guarantee.
cat >Full.java <<'END'
import java.util.ArrayList;
import java.util.List;
public class Full {
	public static void main(String[] args) {
		List<byte[]> kept = new ArrayList<>();
		for (int i = 0; i < 1650; i++)
			kept.add(new byte[10000]);
	}
}
END
javac -d classes Full.java
mapheap -- java -XX:+UseSerialGC -Xms20M -Xmx20M -Xlog:gc:file=full.log -cp classes Full >words
grep -q 'Pause Full (Allocation Failure)' full.log || fail "no full collection"
grep -A3 'full  Allocation Failure' words |
	grep -q 'WHY  full: promotion guarantee: tenured had [0-9,]*K free, young held' ||
	fail "no reason for the full collection: $(cat words)"
# Watched, every collection is shown, once.
mapheap --follow 'byte[2M]' -- java -XX:+UseSerialGC -Xms20M -Xmx20M -Xmn10M \
	-XX:SurvivorRatio=8 -cp classes Places ages 6000 >watched
held=$(grep -n 'held at exit' watched | cut -d: -f1)
n=$(sed -n "${held},\$p" watched | sed -n 's/^COLLECTIONS  \([0-9]*\) since.*/\1/p')
expect_equal "$(head -n "$held" watched | grep -c '^ GC([0-9]*)')" "$n" "collections watched"

# Ages and thresholds of each collection, and why objects were promoted, are what the log
# says, as far as the look came in time; a collection that came too fast to be seen tells
# its threshold by the ages of what it promoted.
cat >ages.py <<'END'
import re, sys

log = open(sys.argv[2]).read()
thresholds = {int(n): int(t) for n, t in re.findall(r"GC\((\d+)\) Desired .* new threshold (\d+)", log)}
ages = {}
for n, age, size in re.findall(r"GC\((\d+)\) - age +(\d+): +(\d+) bytes", log):
    ages.setdefault(int(n), {})[int(age)] = int(size) >> 10
seen = {"ages": 0, "why": 0}
wrong = []
number = None
for line in open(sys.argv[1]):
    if "held at exit" in line:
        number = None
    if line.startswith(" GC("):
        number = int(re.match(r" GC\((\d+)\)", line).group(1))
    told = re.search(r"survivors by age .*(?:now|->)(.*?)     next threshold (\d+) of", line)
    if told:
        ours = {int(a): int(k) for a, k in re.findall(r"(\d+): (\d+)K", told.group(1))}
        if ours != ages.get(number, {}) or int(told.group(2)) != thresholds[number]:
            wrong.append(line)
        seen["ages"] += 1
    was = re.search(r"WHY  (\w+): .*(?:threshold was|were of age) (\d+)", line)
    if was and number:
        least = thresholds[number - 1]
        if int(was.group(2)) != least or (was.group(1) == "share") != (least < int(sys.argv[3])):
            wrong.append(line)
        seen["why"] += 1
print(seen, wrong)
sys.exit(bool(wrong) or seen["why"] < 3 or seen["ages"] < int(sys.argv[4]))
END
promoted()
{
	name=$1 rounds=$2 looks=$3
	shift 3
	mapheap --watch -- java -XX:+UseSerialGC -Xms20M -Xmx20M "$@" \
		"-Xlog:gc+age=trace:file=$name.log" -cp classes Places ages $rounds >$name.watched
	python3 ages.py $name.watched $name.log "${1#*=}" "$looks" >seen ||
		fail "$name: ages or thresholds differ: $(cat seen)"
}
promoted slow "6000 5" 3 -XX:MaxTenuringThreshold=3
promoted fast 19000 0 -XX:MaxTenuringThreshold=15 -XX:TargetSurvivorRatio=20

# G1 has no text of what it promotes: the ages in its old regions tell.
mapheap --watch -- java -XX:+UseG1GC -Xms20M -Xmx20M -XX:MaxTenuringThreshold=2 \
	"-Xlog:gc+age=trace:file=g1.log" -cp classes Places ages 9000 5 >g1.watched
grep -q 'survivors by age .*1: [0-9,]*K, 2: [0-9,]*K  ->  .*1: [0-9,]*K, 2:' g1.watched ||
	fail "G1: no ages: $(cat g1.watched)"
grep -q 'moved to old, by age 2: [0-9,]*K$' g1.watched || fail "G1: none moved: $(cat g1.watched)"
grep -q 'WHY  age: MaxTenuringThreshold is 2$' g1.watched || fail "G1: no reason"

# In the words of the log: the same lines, but for times; how much of metaspace is for no
# class the JVM's own history does not say.
worded()
{
	sed -n 's/.*\(GC([0-9]*)\) \(DefNew\|Tenured\|Eden\|Survivor\|Metaspace\|Pause\)/\1 \2/p' "$1" |
		grep -- '->' | sed "s/ NonClass: [^ ]*//; s/([0-9]*)\$//; s/ [0-9.]*ms\$//; $2"
}
for gc in Serial G1; do
	mapheap --log -- java -XX:+Use${gc}GC -Xms40M -Xmx40M "-Xlog:gc*:file=$gc.log" \
		-cp classes Places ages 9000 >$gc.told
	causes=
	# Of a collection of G1's only the last one's cause is told, and its text before leaves
	# out the regions that are being allocated in.
	[ $gc = Serial ] || causes='s/Pause Young .*) [0-9]*M/Pause Young /'
	worded $gc.told "$causes" >told
	worded $gc.log "$causes" >log
	[ "$(grep -c Pause told)" -ge 3 ] || fail "$gc: few collections"
	cmp -s told log || fail "$gc: --log and the JVM's log: $(diff told log | head -n 20)"
done
