# A process in a pid namespace of its own, as in a container: its C library knows the threads
# by other ids than we do.
. "$MS_SRC/tests/lib.sh"
. "$MS_SRC/tests/live/threads.inc"
need_root
need_command unshare pgrep
unshare -pf true 2>/dev/null || skip "no pid namespace can be made"

start inside unshare -pf --kill-child threads
pid=$(pgrep -P "$pid")
[ "$(truth inside .pid)" != "$pid" ] || fail "the fixture has the same pid inside"
# The truth by the ids of here.
for task in "/proc/$pid"/task/*; do
	echo "${task##*/} $(awk '$1 == "NSpid:" { print $NF }' "$task/status")"
done >tids
jq --rawfile tids tids '
	($tids | rtrimstr("\n") | split("\n") | map(split(" ") | {(.[1]): (.[0] | tonumber)}) |
		add) as $here |
	.pid = $here[.pid | tostring] |
	.threads |= map(.tid = ($here[.tid | tostring] // .tid))' inside.json >here.json
look here "$pid"
hold "$pid"
look here "$pid"
run mapdump "$pid" -o here.core
expect_status 0
look here here.core
