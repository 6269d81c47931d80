# runner: timeout=240
# Every block of a stopped process under this machine's glibc, live, in a snapshot and in a
# core of gdb's: the sums are those that malloc keeps itself, to the byte.
. "$MS_SRC/tests/lib.sh"
. "$MS_SRC/tests/live/alloc_counters.inc"

# check NAME COMMAND...: of the running process, stopped.
check()
{
	start_blocks "$@"
	hold "$pid"
	dump "$pid" "$1.live"
	expect_counters "$1.json" "$1.live" glibc
}

check all blocks
dump "$pid" all.two 2
cmp all.live all.two || fail "two workers see something else than one"
if [ -x "$MS_BUILD/cmd/mapdump/mapdump" ]; then
	run mapdump -q "$pid" -o all.core
	expect_status 0
	dump all.core all.snapshot
	expect_counters all.json all.snapshot glibc
	rm all.core
fi
if command -v gcore >/dev/null; then
	kill -CONT "$pid" # gdb would wait for the stop signal to arrive
	gcore -o gdb "$pid" >gcore.log 2>&1 || {
		cat gcore.log
		fail "gcore fails"
	}
	dump "gdb.$pid" all.gcore
	expect_counters all.json all.gcore glibc
	rm "gdb.$pid"
fi
finish

# The program's own pieces of the heap, and more threads than arenas.
check foreign blocks --foreign-sbrk --seed=2
finish
check crowd blocks --threads=40 --blocks=1000 --seed=3
finish
check alone blocks --threads=0 --seed=4
finish
check fragment blocks --fragment --blocks=4000 --seed=5
finish
check large blocks --phase=sizes,mmapped,align --size-min=1000 --blocks=2000 --seed=6
finish


# A heap that begins at an odd address, walked as a whole and into tables. Its first bytes
# are malloc's only by its counters.
start_blocks early blocks --early-sbrk --seed=7
hold "$pid"
dump "$pid" early.live
expect_equal "$(jq '.instances[0].exact' early.live)" true "stamp of the walk"
if [ -x "$MS_BUILD/cmd/memwho/memwho" ]; then
	memwho --json "$pid" >early.ledger
	expect_equal "$(jq -r '.allocators[0].grade' early.ledger)" exact "stamp of the tables"
fi
finish

blocks_cc static gcc -static
check static ./static
dump "$pid" static.two 2
cmp static.live static.two || fail "two workers see something else than one"
finish
