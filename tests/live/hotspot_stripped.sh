# runner: tier=full timeout=600
# A libjvm.so without .symtab: the JVM's own tables are enough for all but what the notes say
# is missing.
. "$MS_SRC/tests/lib.sh"
. "$MS_SRC/tests/jdks.inc"
. "$MS_SRC/tests/live/hotspot_matrix.inc"
need_command strip

jdk=17
need_jdk $jdk
heaps_class

# look COLLECTOR KIND: a JVM of its own; the tables found beside its heap become COLLECTOR.KIND.
look()
{
	label="JDK $jdk $1 $2"
	kind=$1
	# shellcheck disable=SC2046,SC2086
	start "$1-$2" heaps_run $jdk $common $(jdk_collector $jdk "$1") Heaps
	hear
	kill -KILL "$pid"
	ours '.heap.tables[].what' | sort >"$1.$2"
}

for collector in serial parallel g1; do
	look $collector whole
	expect_equal "$(ours '.heap.notes | length')" 0 "$label: notes"
	expect_equal "$(ours .has_symbols)" true "$label: .symtab"
done

library=$(jdk_home $jdk)/lib/server/libjvm.so
strip -s -o libjvm.so "$root$library"
mount --bind libjvm.so "$root$library"
for collector in serial parallel g1; do
	look $collector stripped
	expect_equal "$(ours .has_symbols)" false "$label: .symtab"
	if [ $collector = g1 ]; then
		told_g1 >oracle
		our_regions >got
		same "regions it told"
	else
		compare_generations
		compare_told_spaces
	fi
	if [ $collector = parallel ]; then
		ours '.heap.notes[]' | grep -q 'no .symtab' || fail "$label: no note"
		grep -v -e 'mark bitmap' -e 'summary of regions' parallel.whole >whole || :
	else
		expect_equal "$(ours '.heap.notes | length')" 0 "$label: notes"
		cp $collector.whole whole
	fi
	diff whole $collector.stripped || fail "$label: other tables"
	[ "$(ours '.flags | length')" -gt 1000 ] || fail "$label: too few flags"
	ours .release | grep -q '^17' || fail "$label: no version"
done
