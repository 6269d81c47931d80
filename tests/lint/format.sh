# runner: tier=full
# Every C file is as clang-format 14 writes it; other versions write some things otherwise.
. "$MS_SRC/tests/lib.sh"
formatter=
for candidate in clang-format-14 clang-format; do
	if command -v $candidate >/dev/null && $candidate --version | grep -q 'version 14\.'; then
		formatter=$candidate
		break
	fi
done
[ -n "$formatter" ] || skip "clang-format 14 is not installed"
cd "$MS_SRC"
find lib cmd tests fixtures -name '*.[ch]' -print0 |
	xargs -0 $formatter --dry-run -Werror >"$TMP/log" 2>&1 || {
	head -n 40 "$TMP/log"
	fail "run clang-format -i on: $(sed -n 's/^\([^ :]*\):[0-9].*/\1/p' "$TMP/log" | sort -u | tr '\n' ' ')"
}
