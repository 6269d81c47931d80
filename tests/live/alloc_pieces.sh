# A heap that several workers walk in pieces gives what one walk from its start gives, also
# where a program's data look like chunks.
. "$MS_SRC/tests/lib.sh"
need_utility memwho
need_command jq

# arenas FILE FILTER: the same figures from the ledger and from the plain walk.
compare()
{
	jq -S '[.arenas[] | {system: .system_bytes, gain: .reclaimable_bytes, states: .states}],
		[.size_classes[] | {size: .size_bytes, states: .states}]' "$1.ledger" >"$1.a"
	jq -S 'def states: with_entries(select(.value.blocks > 0) | .value |= {blocks, bytes});
		[(.arenas, .mmapped)[] | {system, gain: .reclaimable, states: (.count | states)}],
		[.sizes[] | {size, live, free, fast, cached}]' "$1.walk" >"$1.b"
	jq -S -s '.[1] | map({size,
		live: (.states.live.blocks // 0), free: (.states.free.blocks // 0),
		fast: (.states.fast.blocks // 0), cached: (.states.cached.blocks // 0)})' \
		"$1.a" >"$1.sizes"
	jq -S -s '.[1]' "$1.b" >"$1.walked"
	cmp "$1.sizes" "$1.walked" || fail "$1: other sizes than the plain walk's"
	jq -S -s '.[0] | map({gain, states})' "$1.a" >"$1.arenas"
	jq -S -s '.[0] | map({gain, states})' "$1.b" | cmp - "$1.arenas" ||
		fail "$1: other arenas than the plain walk's"
}

# check NAME STAMP COMMAND...: with several numbers of workers.
check()
{
	ms_pieces=$1
	ms_stamp=$2
	shift 2
	start "$ms_pieces" "$@"
	hold "$pid"
	memwho --json --threads=1 "$pid" >"$ms_pieces.ledger"
	jq -S 'del(.target, .outside)' "$ms_pieces.ledger" >one.same
	for n in 2 7; do
		memwho --json --threads=$n "$pid" | jq -S 'del(.target, .outside)' >more.same
		cmp one.same more.same || fail "$ms_pieces: $n workers see something else"
	done
	expect_equal "$(jq -r '.allocators[0].grade' "$ms_pieces.ledger")" "$ms_stamp" stamp
	[ "$(jq '[.arenas[].system_bytes] | max' "$ms_pieces.ledger")" -gt 100000000 ] ||
		fail "the heap is too small to have pieces"
	"$MS_BUILD/tests/alloc_dump" "$pid" 1 >"$ms_pieces.walk"
	compare "$ms_pieces"
	kill -KILL "$pid"
}

check decoys exact decoys
# Others' brk memory, and sizes that lead nowhere, over the ends of pieces.
check foreign exact blocks --threads=0 --foreign-sizes --blocks=120000 --phase=sizes
check torn structural decoys torn
