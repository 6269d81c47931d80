# JNI references of this machine's JVM, with memory tracking and without.
. "$MS_SRC/tests/lib.sh"
. "$MS_SRC/tests/live/hotspot_refs.inc"
need_command java jcmd

# references OPTION...: in place of this shell.
references()
{
	exec java -XX:+UseSerialGC -Xms24m -Xmx24m "$@" -cp classes References \
		"$TMP/librefs.so" 2000000 500
}

for tracking in off summary; do
	label="tracking $tracking"
	start refs-$tracking references -XX:NativeMemoryTracking=$tracking
	jcmd "$pid" Thread.print >told
	hold "$pid"
	check_refs 2000000
	kill -KILL "$pid"
done
