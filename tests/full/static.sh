# runner: timeout=600
# The static build: one file per utility that runs where there is no libc, no shell, nothing.
. "$MS_SRC/tests/lib.sh"
need_root
need_command chroot
build=$MS_SRC/build-static
[ -f "$build/build.ninja" ] || meson setup "$build" "$MS_SRC" -Dstatic=true -Dtests=false >log 2>&1 || {
	cat log
	fail "meson refuses the static build"
}
ninja -C "$build" >log 2>&1 || {
	tail -n 40 log
	fail "the static build fails"
}
for program in "$build"/cmd/*/*; do
	name=${program##*/}
	[ -f "$program" ] && [ -x "$program" ] || continue
	mkdir -p "root.$name"
	cp "$program" "root.$name/$name"
	run chroot "$PWD/root.$name" "/$name" --version
	expect_status 0
	grep -q "^$name " out || fail "$name --version says: $(cat out)"
	ran=yes
done
[ -n "${ran:-}" ] || skip "no utility is built"
