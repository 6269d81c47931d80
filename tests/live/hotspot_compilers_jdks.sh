# runner: tier=full timeout=600
# What C2 holds while it compiles, on every JDK but this machine's, stopped in the middle.
. "$MS_SRC/tests/lib.sh"
. "$MS_SRC/tests/jdks.inc"
. "$MS_SRC/tests/live/hotspot_compilers.inc"

# big NAME OPTION...: in place of this shell.
big()
{
	# shellcheck disable=SC2086
	jdk_run $jdk $big_options "$@" -cp /tmp/classes Big
}

# try JDK N KIB TRACKING: how much is planted so that C2 needs much more than so many kB.
try()
{
	jdk=$1
	label="JDK $jdk, tracking $4"
	big_class "$2"
	start base-$1-$4 big -XX:NativeMemoryTracking=$4 -XX:CompileCommand=exclude,Big::big
	sleep 1.5
	base=$(rss_of "$pid")
	kill -KILL "$pid"
	start big-$1-$4 big -XX:NativeMemoryTracking=$4
	catch_compiling "$3"
	check_compiling
	kill -KILL "$pid"
}

# Instrumented code takes its time: one JDK of each layout.
jdks=8:350:80000,11:350:80000,21:250:200000,25:250:200000,26:250:150000
[ -z "${MS_SANITIZED:-}" ] || jdks=8:350:80000,25:250:200000
for ms_line in $(echo $jdks | tr ',' ' '); do
	ms_jdk=${ms_line%%:*} ms_rest=${ms_line#*:}
	for tracking in off summary; do
		try "$ms_jdk" "${ms_rest%:*}" "${ms_rest#*:}" $tracking
	done
done

# What was compiled to its end is named beside the memory that it left.
ended()
{
	memwho "$pid" | grep -Eq \
		'^ABOUT  malloc\.free\.glibc: java\.compiler\.c2 compiled Big::big\(I\)I at tier 4 in [0-9.]+ s'
}
big_class 80
for ms_line in $(echo $jdks | tr ',' ' '); do
	jdk=${ms_line%%:*}
	start "ended-$jdk" big
	wait_until 60 ended || fail "JDK $jdk: $(memwho "$pid" | grep ABOUT)"
	kill -KILL "$pid"
done
