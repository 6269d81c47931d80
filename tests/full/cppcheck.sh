# runner: timeout=600
# cppcheck has nothing to say.
. "$MS_SRC/tests/lib.sh"
need_command cppcheck
cd "$MS_SRC"
# It does not read two GNU idioms of ours and then gives up on that function only:
# __typeof__ in a for statement, and {} as a value.
cppcheck --quiet --std=c11 -j 2 --enable=warning,performance,portability --inline-suppr \
	--suppress=missingIncludeSystem --suppress=unknownMacro --suppress=internalAstError \
	-Ilib -D_GNU_SOURCE --error-exitcode=1 lib cmd fixtures >"$TMP/log" 2>&1 || {
	cat "$TMP/log"
	fail "cppcheck found something"
}
