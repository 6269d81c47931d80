#!/bin/sh
# memstrings --list prints what GNU strings prints: RUNS random cases (default 100, the
# long tier takes 10000), from SEED (default: fresh, printed). Exit 77: skipped.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
memstrings=${MEMSTRINGS:-$here/../../build/cmd/memstrings/memstrings}
runs=${RUNS:-100}
seed=${SEED:-$(od -An -N6 -tu8 /dev/urandom | tr -d ' ')}

if ! command -v strings >/dev/null || ! strings --version | grep -q GNU; then
	echo "strings_diff: skipped: GNU strings is not installed"
	exit 77
fi
if [ ! -x "$memstrings" ]; then
	echo "strings_diff: cannot run '$memstrings'" >&2
	exit 2
fi
memstrings=$(cd "$(dirname "$memstrings")" && pwd)/memstrings

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM
${CC:-cc} -std=gnu17 -D_GNU_SOURCE -O1 -Wall -o "$dir/strings_diff" "$here/strings_diff.c"
mkdir "$dir/work"
"$dir/strings_diff" "$memstrings" "$(command -v strings)" "$dir/work" "$runs" "$seed"
