# The file holds what is resident and not zero, and little else: untouched memory, zero
# pages and shared views cost nothing.
. "$MS_SRC/tests/lib.sh"
need_utility mapdump
need_command jq

# 64 MiB touched, 64 MiB untouched, 64 MiB in every third page.
start maps mkmaps --only=anon,anon_untouched,anon_partly --size=$((64 << 20))
hold "$pid"
run mapdump "$pid" -o out.core
expect_status 0
rss=$(($(kib "/proc/$pid/smaps_rollup" Anonymous) << 10))
disk=$(($(stat -c %b out.core) * 512))
# Headers, notes and the parts of the program's own files come on top: 4 MiB at most.
[ $disk -le $((rss + rss / 50 + (4 << 20))) ] || fail "$disk bytes on disk for $rss resident"
[ $disk -ge $((64 << 20)) ] || fail "$disk bytes cannot hold what was touched"
