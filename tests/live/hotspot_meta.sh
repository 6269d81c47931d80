# runner: tier=full timeout=600
# Class loaders, metaspace, class data archive and code cache of a JVM are what it says of
# them itself: read from a stopped process right after it was asked.
. "$MS_SRC/tests/lib.sh"
need_utility mapheap
need_command jq java jcmd

dump=$MS_BUILD/tests/meta_dump
[ -x "$dump" ] || skip "meta_dump is not built"

# ask COMMAND...: the JVM's own words, in ./answer.
ask()
{
	jcmd "$pid" "$@" >answer || fail "jcmd $*: $(cat answer)"
}

# look NAME [WAY]: what memsleuth sees.
look()
{
	# shellcheck disable=SC2086
	"$dump" "$pid" ${2:-} >"$1.json" || fail "$1: meta_dump failed"
	expect_equal "$(jq -c '[.loaders, .cds, .code] | map(.notes[])' "$1.json")" '[]' \
		"$1: notes"
}

expect()
{
	expect_equal "$(jq -rc "$2" "$gc.json")" "$1" "$gc: $2"
}

# Where each code heap lies, committed up to where.
check_code()
{
	awk -F '[][ ,]+' '/^CodeHeap|^CodeCache:/ { name = $0; sub(/: .*/, "", name) }
		/bounds/ { print name, $3, $4, $5 }' codecache |
		while read -r line; do
			high=${line##* } line=${line% *}
			top=${line##* } line=${line% *}
			low=${line##* } name=${line% *}
			jq -e --arg n "$name" --argjson l $((low)) --argjson t $((top)) \
				--argjson h $((high)) '.code.heaps | any(.name == $n and
				.start == $l and .committed_end == $t and .end == $h)' \
				"$gc.json" >/dev/null ||
				fail "$gc: $name $low $top $high: $(jq -c .code "$gc.json")"
		done
	grep -qE '^Code(Heap|Cache)' codecache || fail "$gc: no code heaps: $(cat codecache)"
	expect true '.code.heaps | all(.complete and .used > 0 and .map_end > .map_start)'
	expect "$methods" '[.code.heaps[].tiers[].blobs] | add'
	# "CodeHeap 'profiled nmethods': size=120032Kb used=207Kb max_used=207Kb free=119825Kb"
	mapheap --code --json "$pid" >code.json
	sed -n 's/^\(Code[^:]*\): size=\([0-9]*\)Kb used=\([0-9]*\)Kb.*free=\([0-9]*\)Kb.*/\1|\2 \3 \4/p' \
		codecache | sort >sizes
	jq -r '.code[] | [.reserved_bytes, .used_bytes, .free_bytes] as $b |
		"\(.heap)|" + ($b | map(. / 1024 | floor | tostring) | join(" "))' code.json | sort >ours
	cmp -s sizes ours || fail "$gc: mapheap --code: $(diff ours sizes)"
	expect_equal "$(jq '[.code[] | .c1_methods - .tier1_methods - .tier2_methods - .tier3_methods] |
		add' code.json)" 0 "$gc: methods by tier"
}

# Reserved and committed bytes of each space, as the JVM counts them.
check_metaspace()
{
	for kind in other class_space; do
		words='Non-class space'
		[ $kind = other ] || words='^ *Class space'
		line=$(grep -E "$words:.*reserved" metaspace | tr -s ' ')
		[ -n "$line" ] || fail "$gc: $words: $(cat metaspace)"
		expect "$(echo "$line" | sed 's/.*space: \([0-9]*\) bytes.*/\1/')" \
			".metaspace.$kind.reserved"
		expect "$(echo "$line" | sed 's/.*reserved, *\([0-9]*\) bytes.*/\1/')" \
			".metaspace.$kind.committed"
	done
	expect lists .metaspace.source
	expect true '.metaspace.nodes | all(.grade == "exact")'
}

# Classes of each loader, and the size of its chunks; in JDK 17 in words.
check_loaders()
{
	total=$(awk '/^Total = / { print $4, $5, $6 }' loaders)
	expect "${total%% *}" .loaders.total.classes
	expect true '.loaders | .complete and .total.measured and .total.classes > 400'
	chunks=$(echo "$total" | cut -d' ' -f2)
	jq -e --argjson c "$chunks" '.loaders.total | .class_space.capacity + .other.capacity |
		. == $c or . == $c * 8' "$gc.json" >/dev/null ||
		fail "$gc: chunks of $chunks: $(jq -c .loaders.total "$gc.json")"
	awk '$3 ~ /^0x/ { print $3, $4 }' loaders | while read -r address classes; do
		jq -e --argjson a $((address)) --argjson n "$classes" '.loaders.list |
			all(.address != $a or .classes == $n)' "$gc.json" >/dev/null ||
			fail "$gc: loader $address does not have $classes classes"
	done
	expect true '.loaders.list | any(.name == "bootstrap") and
		any(.name == "jdk.internal.loader.ClassLoaders$AppClassLoader")'
}

# Hidden classes are those whose name has an address, of loader or class, before the
# loader's; generated ones are counted by their names.
check_generated()
{
	mapheap --loaders --json "$pid" >loaders.json ||
		fail "$gc: mapheap --loaders failed"
	sed -n 's,^[| ]*--,,; /^ *implements/!s,/[^/]*$,,p' hierarchy | sort -u >names
	total()
	{
		jq ".totals.$1.classes" loaders.json
	}
	[ "$(total hidden)" -gt 5 ] || fail "$gc: hardly any hidden class"
	expect_equal "$(total hidden)" "$(grep -c '/0x' names)" "$gc: hidden classes"
	expect_equal "$(total generated.lambda)" "$(grep -c '[$][$]Lambda' names)" "$gc: lambdas"
	expect_equal "$(jq '[.loaders[].classes] | add' loaders.json)" \
		"$(jq .totals.classes loaders.json)" "$gc: classes of all loaders"
	mapheap --loaders "$pid" |
		grep -q "^TOTAL .*; hidden $(total hidden) .*lambda $(total generated.lambda) " ||
		fail "$gc: the totals of mapheap --loaders"
}

# Without symbols the same; without chunks all nodes are found, if not their edges.
check_ways()
{
	look chunks chunks
	expect_equal "$(jq -c .metaspace.nodes chunks.json)" "$(jq -c .metaspace.nodes "$gc.json")" \
		"$gc: nodes without symbols"
	look classes classes
	jq -n --slurpfile a "$gc.json" --slurpfile b classes.json -e '
		[$a[0], $b[0]] | map(.metaspace.nodes) as [$exact, $guess] |
		($exact | all(. as $e | $guess | any(.start < $e.end and .end > $e.start))) and
		($guess | all(.grade == "structural" and (. as $g | $exact |
			any(.start <= $g.start and .end >= $g.end))))' >/dev/null ||
		fail "$gc: nodes by classes: $(jq -c .metaspace.nodes "$gc.json" classes.json)"
}

release=$(java -version 2>&1 | sed -n '1s/[^"]*"\([0-9]*\).*/\1/p')
[ "${release:-0}" -ge 16 ] || skip "JDK 16 and later answer what is asked here, not '$release'"

# Instrumented code takes its time.
collectors="Serial G1"
[ -z "${MS_SANITIZED:-}" ] || collectors=G1
for gc in $collectors; do
	start_java $gc -XX:+Use${gc}GC -Xmx64m --
	# What is asked first loads classes and compiles.
	for _ in 1 2; do
		ask VM.class_hierarchy -i && mv answer hierarchy
		ask VM.metaspace scale=1 && mv answer metaspace
		ask Compiler.codelist && mv answer codelist
		ask Compiler.codecache && mv answer codecache
		ask VM.classloader_stats && mv answer loaders
	done
	hold "$pid"
	methods=$(grep -cE '^ *[0-9]+ ' codelist)
	look $gc
	check_code
	check_metaspace
	check_loaders
	check_generated
	check_ways
	archive=false
	! grep -q '\.jsa$' "/proc/$pid/maps" || archive=true
	expect $archive '.cds.end > 0'
	echo "$gc: $(jq -c '[.loaders.total.classes, .metaspace.other.committed]' $gc.json)"
	kill -KILL "$pid"
done
