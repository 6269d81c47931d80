# runner: timeout=300
# Every stack under other releases of glibc: in each root of MS_ROOTS (directories, separated
# by blanks, each with a gcc) the fixture is built dynamic and static, run inside, and looked
# at from outside.
. "$MS_SRC/tests/lib.sh"
. "$MS_SRC/tests/live/threads.inc"
[ -n "${MS_ROOTS:-}" ] || skip "MS_ROOTS names no roots of other systems"
need_root

# in_root ROOT NAME OPTION...: build the fixture and check it with and without threads.
in_root()
{
	root=$1
	name=$2
	shift 2
	# _GNU_SOURCE and -pthread are no defaults in older releases
	chroot "$root" gcc -D_GNU_SOURCE -O1 -pthread "$@" -o "$inside/$name" "$inside/threads.c"
	start "$name" chroot "$root" "$inside/$name"
	look "$name" "$pid"
	hold "$pid"
	look "$name" "$pid"
	run mapdump "$pid" -o "$name.core"
	expect_status 0
	look "$name" "$name.core"
	kill -KILL "$pid"
	start "$name-one" chroot "$root" "$inside/$name" --single
	hold "$pid"
	look "$name-one" "$pid"
	kill -KILL "$pid"
	echo "$name: $(chroot "$root" ldd --version | head -n 1)"
}

for root in $MS_ROOTS; do
	made=$(mktemp -d "$root/tmp/memsleuth.XXXXXX")
	inside=${made#"$root"}
	cp "$MS_SRC/fixtures/threads.c" "$made"
	for kind in dynamic static; do
		option=
		[ $kind = dynamic ] || option=-static
		# shellcheck disable=SC2086
		(in_root "$root" "$(basename "$root")-$kind" $option) || status=1
	done
	rm -rf "$made"
	[ "${status:-0}" = 0 ] || fail "in $root"
done
