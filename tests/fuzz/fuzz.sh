#!/bin/sh
# runner: timeout=5400
# Fuzzes one libFuzzer target for a while, starting from its corpus.
#
# Usage: tests/fuzz/fuzz.sh PROGRAM SECONDS. MS_SEED is the seed; what libFuzzer finds is
# printed in base64, so that it can be copied out of a log.
set -eu
name=${1##*/fuzz_}
work=$(mktemp -d "${TMPDIR:-/tmp}/memsleuth-fuzz.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM HUP
mkdir "$work/new"
status=0
"$1" -seed=$((MS_SEED % 4294967295)) -max_total_time="$2" -timeout=20 -rss_limit_mb=2048 \
	-print_final_stats=1 -artifact_prefix="$work/" "$work/new" \
	"$MS_SRC/fixtures/corpus/$name" >"$work/log" 2>&1 || status=$?
tail -n 60 "$work/log"
for found in "$work"/crash-* "$work"/timeout-* "$work"/oom-* "$work"/leak-*; do
	[ -f "$found" ] || continue
	echo "input: base64 -d >${found##*/}"
	head -c 65536 "$found" | base64
done
exit $status
