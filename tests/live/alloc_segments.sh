# runner: timeout=240
# A main arena in pieces: others take brk memory in between, brk is refused and comes back.
. "$MS_SRC/tests/lib.sh"
. "$MS_SRC/tests/live/alloc_counters.inc"

# check NAME CONDITION OPTION...: of the main arena, what the options must bring about.
check()
{
	name=$1
	condition=$2
	shift 2
	start_blocks "$name" blocks "$@"
	hold "$pid"
	dump "$pid" "$name.live"
	expect_counters "$name.json" "$name.live" glibc
	jq -e ".arenas[] | select(.main) | $condition" "$name.live" >/dev/null ||
		fail "$name: not $condition: $(jq -c '.arenas[0]' "$name.live")"
	if [ -x "$MS_BUILD/cmd/mapdump/mapdump" ]; then
		run mapdump -q "$pid" -o "$name.core"
		expect_status 0
		dump "$name.core" "$name.snapshot"
		expect_counters "$name.json" "$name.snapshot" glibc
		rm "$name.core"
	fi
	finish
}

blocks="--blocks=8000 --threads=2"
[ -z "${MS_SANITIZED:-}" ] || blocks="--blocks=4000 --threads=1"
blocks_few=
# shellcheck disable=SC2086
{
	check sizes '.contiguous and .regions == 1' $blocks --foreign-sizes
	check chunks '.contiguous and .regions == 1' $blocks --foreign-chunks
	check refused '(.contiguous | not) and .regions > 3' $blocks --refuse-brk
	check both '(.contiguous | not) and .regions > 3' $blocks --refuse-brk --foreign-sbrk
	check alone '(.contiguous | not) and .regions > 3' $blocks --refuse-brk --threads=0
}
