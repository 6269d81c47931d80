# runner: tier=full timeout=600
# What C2 holds while it compiles, and what it left, by a JVM without .symtab.
. "$MS_SRC/tests/lib.sh"
. "$MS_SRC/tests/jdks.inc"
. "$MS_SRC/tests/live/hotspot_compilers.inc"
. "$MS_SRC/tests/live/hotspot_compilers_jdks.inc"
need_command strip

jdks="17 21 25"
[ -z "${MS_SANITIZED:-}" ] || jdks=25
for jdk in $jdks; do
	need_jdk $jdk
	library=$root$(jdk_home $jdk)/lib/server/libjvm.so
	strip -s -o libjvm.$jdk.so "$library"
	mount --bind libjvm.$jdk.so "$library" # in a name space of the test's own
	for tracking in off summary; do
		try $jdk 250 200000 $tracking
	done
done
big_class 80
for jdk in $jdks; do
	check_ended $jdk
done
