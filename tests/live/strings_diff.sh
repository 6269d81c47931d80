#!/bin/sh
# memstrings --list prints what GNU strings prints: random inputs and options, on both.
# RUNS says how many (100; in the long tier 10000), SEED where to begin (fresh; printed).
# runner: timeout=900
. "$MS_SRC/tests/lib.sh"
need_utility memstrings
need_command strings cc
strings --version | grep -q GNU || skip "strings is not GNU strings"

runs=100
[ "${MS_TIER:-}" != long ] || runs=10000
cc -std=gnu17 -D_GNU_SOURCE -O1 -Wall -o strings_diff "$MS_SRC/tests/live/strings_diff.c"
mkdir work
./strings_diff "$MS_BUILD/cmd/memstrings/memstrings" "$(command -v strings)" work \
	"${RUNS:-$runs}" "${SEED:-${MS_SEED:-$(date +%s)}}"
