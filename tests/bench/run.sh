#!/bin/sh
# Side by side figures, in one run, as ratios: what mapdump, memstrings and memwho cost, and
# what the tools people use instead cost on the same machine, disk and minute. Nothing is
# asserted.
#
# Usage: sh tests/bench/run.sh [ROUNDS [DIRECTORY [PART]]]
#
# ROUNDS (3) of each pair, alternating; the medians are printed with the spread. DIRECTORY
# (/var/tmp) should be on a disk and have 10 GB free. PART is "jvm" (snapshots and text),
# "blocks" (every malloc block of 2 GB), "heap" (Java objects and classes), "native" (what the JVM itself has from
# malloc) or "all".
set -u
cd "$(dirname "$0")/../.." || exit 2
. cmd/install.sh
ms_install . build test || exit 2
ms_configure build -Dbuildtype=debugoptimized >/dev/null && ninja -C build >/dev/null || exit 2
mkdir -p build/java
awk -v n=250 -f fixtures/Big.awk >build/java/Big.java
javac -d build/java fixtures/Plant.java fixtures/Crowd.java fixtures/Buffers.java \
	build/java/Big.java || exit 2
exec python3 tests/bench/bench.py "${1:-3}" "${2:-/var/tmp}" "${3:-all}"
