#!/bin/sh
# memstrings on a JVM: the program's strings are found in its heap when that is asked for,
# and do not bury what is outside of it when it is not.
. "$MS_SRC/tests/lib.sh"
need_utility memstrings
need_command jq

start_java jvm -Xmx256m -XX:+UseSerialGC -- --strings=5000 --wide=1000 --direct=4
hold "$pid"
memstrings --json --top=0 "$pid" >usual.json
memstrings --json --top=0 --owner=java.heap "$pid" >heap.json

# Copies of a string come and go with collections: at least as many as there are objects.
jq -e --argjson n "$(truth jvm .strings)" '[.clusters[] |
	select(.form == "memsleuth-fixture latin string <num> of the heap")] |
	length > 0 and all(.owner | startswith("java.heap.")) and (map(.count) | add) >= $n and
	(map(.distinct) | add) >= $n and .[0].pages > 1' heap.json >/dev/null ||
	fail "heap strings: $(jq -c '[.clusters[] | select(.form | test("latin"))]' heap.json)"

jq -e '[.owners[].owner | select(startswith("java.heap"))] == []' usual.json >/dev/null ||
	fail "the heap was read although nobody asked"
jq -e '[.left_out[] | select(.owner | startswith("java.heap"))] | length > 0' usual.json \
	>/dev/null || fail "nothing says that the heap was left out"
jq -e '[.clusters[] | select(.form |
	startswith("memsleuth-fixture direct string <num> of the heap"))] |
	length > 0 and all(.owner | startswith("java.heap") | not)' usual.json >/dev/null ||
	fail "no text of the direct buffers"
