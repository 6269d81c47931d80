# runner: tier=full timeout=300
# JNI references on every JDK.
. "$MS_SRC/tests/lib.sh"
. "$MS_SRC/tests/jdks.inc"
. "$MS_SRC/tests/live/hotspot_refs.inc"

# references OPTION...: in place of this shell.
references()
{
	jdk_run "$jdk" -XX:+UseSerialGC -Xms24m -Xmx24m "$@" -cp /tmp/classes References \
		/tmp/librefs.so 500000 500
}

for jdk in $ms_jdks; do
	label="JDK $jdk"
	start "refs$jdk" references
	jdk_tool "$jdk" jcmd "$pid" Thread.print >told
	hold "$pid"
	check_refs 500000
	kill -KILL "$pid"
done
