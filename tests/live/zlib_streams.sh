# zlib's streams are counted and owned, in a JVM that never ends its Inflaters and Deflaters;
# once they are ended nothing of them is left but free blocks.
. "$MS_SRC/tests/lib.sh"
need_utility memwho
need_command jq java javac
mkdir -p classes
javac -d classes "$MS_SRC/fixtures/Streams.java"

streams()
{
	exec java -XX:+UseSerialGC -Xms32m -Xmx32m -XX:TieredStopAtLevel=1 \
		-cp classes Streams "$@"
}

owned()
{
	jq --arg owner "$2" --arg field "$3" \
		'[.owners[] | select(.owner == $owner)[$field]] | add // 0' "$1"
}

start none streams 0 0
memwho --json "$pid" >none
expect_equal "$(owned none lib.zlib.deflate count)" 0 "streams where there are none"
base=$(kib "/proc/$pid/status" RssAnon)
kill -KILL "$pid"

start some streams 800 200
hold "$pid"
memwho --json "$pid" >held
expect_equal "$(owned held lib.zlib.inflate count)" 800 inflaters
expect_equal "$(owned held lib.zlib.deflate count)" 200 deflaters
grown=$(($(kib "/proc/$pid/status" RssAnon) - base))
bytes=$(($(owned held lib.zlib.inflate resident_bytes) +
	$(owned held lib.zlib.deflate resident_bytes)))
# Pages of the Java heap are part of what grew.
[ $((bytes / 1024)) -gt $((grown * 90 / 100)) ] && [ $((bytes / 1024)) -lt $((grown * 103 / 100)) ] ||
	fail "$((bytes / 1024)) kB of zlib's, the process grew by $grown"
expect_equal "$(jq .balance_bytes held)" 0 balance

# Ended, their blocks are free, whatever is still written in them.
kill -CONT "$pid"
echo >&9
wait_until 20 grep -q ended some.json || fail "they do not end: $(cat some.json some.err)"
hold "$pid"
memwho --json "$pid" >ended
for kind in inflate deflate; do
	expect_equal "$(owned ended lib.zlib.$kind count)" 0 "$kind after the end"
done
[ "$(owned ended malloc.free.glibc resident_bytes)" -gt $((bytes / 2)) ] ||
	[ "$(kib "/proc/$pid/status" RssAnon)" -lt $((base + grown / 2)) ] ||
	fail "where did it go: $(jq -c '.owners[] | [.owner, .resident_bytes]' ended)"
