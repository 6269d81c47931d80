# runner: timeout=900 alone
# clang-tidy, with the checks of .clang-tidy, has nothing to say. The analyzer follows each
# function's paths as far as clang's shallow mode does; in the long tier, as far as it can.
. "$MS_SRC/tests/lib.sh"
need_command clang-tidy python3
cd "$MS_SRC"
python3 -c '
import json, os, sys
for entry in json.load(open(sys.argv[1] + "/compile_commands.json")):
    path = os.path.normpath(os.path.join(entry["directory"], entry["file"]))
    if "/tests/" not in path:
        print(path)' "$MS_BUILD" | sort -u >"$TMP/files"
[ -s "$TMP/files" ] || fail "no file to look at"
nodes=75000
[ "${MS_TIER:-full}" != long ] || nodes=225000
xargs -P 2 -n 4 clang-tidy -quiet -p "$MS_BUILD" --extra-arg=-Xclang \
	--extra-arg=-analyzer-config --extra-arg=-Xclang --extra-arg=max-nodes=$nodes <"$TMP/files" >"$TMP/log" 2>"$TMP/err" || {
	grep -E '(error|warning): ' "$TMP/log" | sort -u | head -n 60
	fail "clang-tidy found something"
}
