# Direct buffers, Unsafe's memory and NIO's own buffers have owners, by the objects on the Java
# heap and by memory tracking.
. "$MS_SRC/tests/lib.sh"
. "$MS_SRC/tests/live/hotspot_direct.inc"
need_command java
jdk=$(java -version 2>&1 | sed -n '1s/[^"]*"\([0-9]*\).*/\1/p')

# buffers OPTION... -- ARGUMENT...: in place of this shell.
buffers()
{
	exec java -Xms24m -Xmx24m -XX:MaxDirectMemorySize=200m -cp classes "$@"
}

for gc in Serial G1; do
	for tracking in off summary; do
		label="$gc, tracking $tracking"
		start $gc-$tracking buffers -XX:+Use${gc}GC -XX:NativeMemoryTracking=$tracking \
			Buffers 40 30 5
		hold "$pid"
		check_direct 40 30 5 $tracking
		kill -KILL "$pid"
	done
done
