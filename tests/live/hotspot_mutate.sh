# runner: timeout=180
# Whatever damage the JVM's own tables and the objects that describe its heap have: reading
# them ends, in bounds, and regions make sense.
. "$MS_SRC/tests/lib.sh"
need_utility mapdump
need_command java

for gc in Serial G1; do
	start_java $gc -XX:+Use${gc}GC -Xmx64m --
	hold "$pid"
	run mapdump -q -o $gc.core "$pid"
	[ "$status" = 3 ] || expect_status 0
	kill -KILL "$pid"
	"$MS_BUILD/tests/hotspot_mutate" $gc.core 5000
done
