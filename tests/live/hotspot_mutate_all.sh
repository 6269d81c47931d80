# runner: tier=full timeout=600
# Whatever damage the memory of a JVM has, reading everything that is known of it ends, in
# bounds, and the ledger balances: words anywhere in what is read, in a JVM that compiles, with
# its own tracking of memory, direct buffers and streams of zlib's.
. "$MS_SRC/tests/lib.sh"
need_utility mapdump
need_command java javac
mkdir -p classes
javac -d classes "$MS_SRC/fixtures/Streams.java"

streams()
{
	exec java -Xms24m -Xmx24m "$@" -cp classes Streams 50 5
}

# All of them in the sanitizer build.
overwrites=5000
[ -n "${MS_SANITIZED:-}" ] || overwrites=1000
for gc in Serial G1; do
	start $gc streams -XX:+Use${gc}GC -XX:NativeMemoryTracking=summary
	hold "$pid"
	run mapdump -q -o $gc.core "$pid"
	[ "$status" = 3 ] || expect_status 0
	kill -KILL "$pid"
	"$MS_BUILD/tests/hotspot_mutate" $gc.core $overwrites all
done
