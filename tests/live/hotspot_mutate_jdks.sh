# runner: tier=full timeout=600
# As hotspot_mutate, of collectors and JDKs whose heaps are described in other ways.
. "$MS_SRC/tests/lib.sh"
. "$MS_SRC/tests/jdks.inc"
need_utility mapdump
heaps_class

# mutate JDK COLLECTOR
mutate()
{
	need_jdk "$1"
	name=$2-$1
	# shellcheck disable=SC2046
	start "$name" heaps_run "$1" -Xms32m -Xmx128m $(jdk_collector "$1" "$2") Heaps
	hold "$pid"
	run mapdump -q -o "$name.core" "$pid"
	[ "$status" = 3 ] || expect_status 0
	kill -KILL "$pid"
	echo "$name"
	"$MS_BUILD/tests/hotspot_mutate" "$name.core" 10000
}

mutate 8 g1
mutate 11 z
mutate 17 parallel
mutate 21 z-generational
mutate 26 shenandoah
mutate 26 g1
