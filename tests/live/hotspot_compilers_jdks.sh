# runner: tier=full timeout=600
# What C2 holds while it compiles, on every JDK but this machine's, stopped in the middle.
. "$MS_SRC/tests/lib.sh"
. "$MS_SRC/tests/jdks.inc"
. "$MS_SRC/tests/live/hotspot_compilers.inc"
. "$MS_SRC/tests/live/hotspot_compilers_jdks.inc"

# Instrumented code takes its time: one JDK of each layout.
jdks=8:350:80000,11:350:80000,21:250:200000,25:250:200000,26:250:150000
[ -z "${MS_SANITIZED:-}" ] || jdks=8:350:80000,25:250:200000
for ms_line in $(echo $jdks | tr ',' ' '); do
	ms_jdk=${ms_line%%:*} ms_rest=${ms_line#*:}
	for tracking in off summary; do
		try "$ms_jdk" "${ms_rest%:*}" "${ms_rest#*:}" $tracking
	done
done

big_class 80
for ms_line in $(echo $jdks | tr ',' ' '); do
	check_ended "${ms_line%%:*}"
done
