# A heap that several workers walk in pieces gives what one walk from its start gives, also
# where a program's data look like chunks.
. "$MS_SRC/tests/lib.sh"
need_utility memwho
need_command jq

# arenas FILE FILTER: the same figures from the ledger and from the plain walk.
compare()
{
	jq -S '[.arenas[] | {system: .system_bytes, states: .states}],
		[.size_classes[] | {size: .size_bytes, states: .states}]' "$1.ledger" >"$1.a"
	jq -S 'def states: with_entries(select(.value.blocks > 0) | .value |= {blocks, bytes});
		[(.arenas, .mmapped)[] | {system, states: (.count | states)}],
		[.sizes[] | {size, live, free, fast, cached}]' "$1.walk" >"$1.b"
	jq -S -s '.[1] | map({size,
		live: (.states.live.blocks // 0), free: (.states.free.blocks // 0),
		fast: (.states.fast.blocks // 0), cached: (.states.cached.blocks // 0)})' \
		"$1.a" >"$1.sizes"
	jq -S -s '.[1]' "$1.b" >"$1.walked"
	cmp "$1.sizes" "$1.walked" || fail "$1: other sizes than the plain walk's"
	jq -S -s '.[0] | map(.states)' "$1.a" >"$1.arenas"
	jq -S -s '.[0] | map(.states)' "$1.b" | cmp - "$1.arenas" ||
		fail "$1: other arenas than the plain walk's"
}

start decoys decoys
hold "$pid"
memwho --json --threads=1 "$pid" >one.ledger
memwho --json --threads=2 "$pid" >two.ledger
memwho --json --threads=7 "$pid" >seven.ledger
for n in two seven; do
	jq -S 'del(.target, .outside)' $n.ledger >$n.same
	jq -S 'del(.target, .outside)' one.ledger | cmp - $n.same || fail "$n workers see something else"
done
expect_equal "$(jq -r '.allocators[0].grade' one.ledger)" exact stamp
[ "$(jq '[.arenas[].system_bytes] | max' one.ledger)" -gt 100000000 ] ||
	fail "the heap is too small to have pieces"
"$MS_BUILD/tests/alloc_dump" "$pid" 1 >one.walk
compare one
