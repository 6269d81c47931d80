#!/bin/sh
# memstrings on a process whose strings are known: each encoding at its address, across
# edges of pages and mappings, not across holes; counted with their owner; and the same from
# a snapshot of it.
. "$MS_SRC/tests/lib.sh"
need_utility memstrings mapdump
need_command jq

start fixture mkmaps
hold "$pid"

# letter ENCODING: what -e calls it; fails for encodings that --list does not know.
letter()
{
	case $1 in
	ascii) echo s ;;
	utf-16le) echo l ;;
	utf-16be) echo b ;;
	utf-32le) echo L ;;
	utf-32be) echo B ;;
	*) return 1 ;;
	esac
}

for e in s l b L B; do
	memstrings --list -q -e $e -t x "$pid" >"list.$e"
done
seen=0
truth fixture '.objects[] | select(.text and .encoding and (.text | test("^[ -~]+$"))) |
	[.encoding, .text_address, .name, .text] | @tsv' >texts
while IFS='	' read -r encoding address name text; do
	e=$(letter "$encoding") || continue
	want="$(printf '%7x' "$((address))") $text"
	MS_WANT=$want awk 'index($0, ENVIRON["MS_WANT"]) == 1 { found = 1 }
		END { exit !found }' "list.$e" ||
		fail "$name: '$text' is not at $address"
	seen=$((seen + 1))
done <texts
[ $seen -ge 8 ] || fail "only $seen texts"
grep -q 'page edge' list.s || fail "no string across a page edge"
grep -q 'mapping edge' list.s || fail "no string across a mapping edge"

# 1,000 blocks, each with its number: one cluster.
memstrings --json --top=0 "$pid" >count.json
jq -e '.schema == "memsleuth/strings/1" and .missing_bytes == 0' count.json >/dev/null
jq -e '[.clusters[] | select(.form | startswith("memsleuth-fixture malloc block <num>"))] |
	length == 1 and .[0].count >= 1000 and .[0].distinct == 1000 and
	(.[0].owner | startswith("malloc")) and .[0].pages >= 200' count.json >/dev/null ||
	fail "the blocks' strings are not one cluster: $(
		jq -c '.clusters[] | select(.form | test("malloc block"))' count.json)"
for encoding in ascii utf-16le; do
	address=$(truth fixture "[.objects[] | select(.encoding == \"$encoding\" and
		(.name | startswith(\"text_utf16le\") or startswith(\"text_ascii\")))][0].text_address")
	jq -e --arg a "$address" --arg e $encoding '[.clusters[].samples[] |
		select(.address == $a and .encoding == $e)] | length == 1' count.json \
		>/dev/null || fail "no sample in $encoding at $address"
done

# Threads, windows and a second run change nothing.
for words in '--threads=1' '--threads=3 --window-size=4096' '--window-size=1M'; do
	# shellcheck disable=SC2086
	memstrings --json --top=0 $words "$pid" | cmp - count.json
done

# Everything is more; an owner is less.
memstrings --json --all "$pid" >all.json
jq -e --slurpfile all all.json '.scanned_bytes < $all[0].scanned_bytes and
	(([.left_out[].bytes] + [.gaps[]]) | add) + .scanned_bytes >= .resident_bytes and
	$all[0].left_out == []' count.json >/dev/null || fail "sizes do not fit together"
memstrings --json --owner=malloc "$pid" >owner.json
jq -e '[.owners[].owner | startswith("malloc")] | length > 0 and all' owner.json >/dev/null ||
	fail "--owner shows others"

# A snapshot has the same strings at the same addresses.
mapdump -q -o fixture.core "$pid"
for e in s l; do
	memstrings --list -q --snapshot -e $e -t x fixture.core |
		grep -F memsleuth-fixture >"core.$e"
	grep -F memsleuth-fixture "list.$e" | cmp - "core.$e"
done
memstrings --json --top=0 fixture.core >core.json
jq -c '[.clusters[] | select(.form | test("memsleuth-fixture")) | {form, count, bytes, pages}]' \
	count.json >a
jq -c '[.clusters[] | select(.form | test("memsleuth-fixture")) | {form, count, bytes, pages}]' \
	core.json >b
cmp a b

# Contiguous mappings are one piece of memory.
jq -e '[.clusters[] | select(.form == "memsleuth-fixture text across a mapping edge")] |
	length == 1 and .[0].count == 1' count.json >/dev/null || fail "cut at a mapping edge"

# The target ends meanwhile: what was read is a result, and said to be incomplete.
start large mkmaps --size=500000000
(sleep 0.1; kill -KILL "$pid") &
run memstrings "$pid"
case $status in
0 | 2) ;; # too early or too late to matter
3) grep -q 'ended meanwhile' out || fail "exit status 3 without a reason" ;;
*) fail "exit status $status" ;;
esac
