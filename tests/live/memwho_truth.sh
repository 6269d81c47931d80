# What the C fixture planted is found under its owner, byte for byte where it said so.
. "$MS_SRC/tests/lib.sh"
need_utility memwho
need_command jq
start maps mkmaps --threads=3 --spin=1
hold "$pid"
run memwho --json "$pid"
expect_status 0
mv out ledger.json

# owned OWNER BYTES: resident bytes of a row.
owned()
{
	expect_equal "$(jq --arg o "$1" '[.owners[] | select(.owner == $o).resident_bytes] | add' \
		ledger.json)" "$2" "$1"
}
# mapping ADDRESS: the mapping that begins there.
mapping()
{
	jq -r --arg a "$1" '.mappings[] | select(.start == $a)' ledger.json
}

owned shm.fixture-shared "$(object maps memfd resident_bytes)"
owned shm.zero "$(object maps shared_zero resident_bytes)"
expect_equal "$(mapping "$(object maps file_deleted address)" | jq -r .owner)" file.deleted
expect_equal "$(mapping "$(object maps anon address)" | jq -r .owner)" unexplained
expect_equal "$(mapping "$(object maps anon_partly address)" | jq .resident_bytes)" \
	"$(object maps anon_partly resident_bytes)" "resident of anon_partly"
# Not every kernel has one.
zero=$(jq -r '.objects[] | select(.name == "zero_page").address' maps.json)
[ -z "$zero" ] || expect_equal "$(mapping "$zero" | jq .resident_bytes)" 0 \
	"resident of zero pages"
# A descriptor's memory that is not mapped lies outside, never among the owners.
expect_equal "$(jq '.outside[] | select(.owner == "outside.memfd").bytes' ledger.json)" \
	524288 outside.memfd
# Every thread's stack, also of the one that runs.
for name in $(truth maps '.threads[].name'); do
	want=$(truth maps ".threads[] | select(.name == \"$name\") | .size")
	start=$(jq -r --arg n "$name" '.threads[] | select(.name == $n).stack_start' ledger.json)
	end=$(jq -r --arg n "$name" '.threads[] | select(.name == $n).stack_end' ledger.json)
	[ "$start" != null ] || fail "no stack of $name"
	# The block holds a guard page below what the fixture calls the stack.
	expect_equal "$((end - start))" "$((want + 4096))" "stack of $name"
done
expect_equal "$(jq '.owners[] | select(.owner == "stack.thread").count' ledger.json)" 4 threads
# glibc's blocks, and the large one with a mapping of its own; a sanitizer's malloc has none.
[ -n "$MS_SANITIZED" ] || jq -e '.owners[] | select(.owner == "malloc.live.unknown") |
	.resident_bytes > 8388608' ledger.json >/dev/null ||
	fail "live blocks: $(jq -c '.owners[] | select(.owner | startswith("malloc"))' ledger.json)"
