# runner: tier=full timeout=300
# Native memory that Java programs take, on every JDK.
. "$MS_SRC/tests/lib.sh"
. "$MS_SRC/tests/jdks.inc"
. "$MS_SRC/tests/live/hotspot_direct.inc"

# buffers OPTION... -- ARGUMENT...: in place of this shell.
buffers()
{
	jdk_run "$jdk" -Xms24m -Xmx24m -XX:MaxDirectMemorySize=200m -cp /tmp/classes "$@"
}

for jdk in $ms_jdks; do
	for tracking in off summary; do
		label="JDK $jdk, tracking $tracking"
		start "jdk$jdk-$tracking" buffers -XX:+UseSerialGC \
			-XX:NativeMemoryTracking=$tracking Buffers 20 15 3
		hold "$pid"
		check_direct 20 15 3 $tracking
		kill -KILL "$pid"
	done
done
