#!/bin/sh
# Installs what the tests need, builds, and runs all of them.
#
# Usage: sh tests/run.sh [quick|full|long] [PATTERN]
#
#   quick  under 3 minutes: lint, units, command lines and live tests; units, command lines
#          and corpus replay again under the address and undefined behaviour sanitizers
#   full   under 25 minutes (the default): everything in both builds, the static build, the
#          linters, and short fuzzing with fresh seeds, which are printed
#   long   hours: the same with long fuzzing; writes tests/long-result.txt. With less time
#          MS_LONG_PERCENT=5 does that share of it, which the result says
#
# PATTERN, a shell pattern, chooses tests by name, as in 'live/mapdump_*'. The last line is
# `N passed, N failed, N skipped`; the exit status is 0 only if none failed and some passed.

set -u
cd "$(dirname "$0")/.." || exit 2
MS_SRC=$(pwd)
tier=full
case ${1:-} in
quick | full | long)
	tier=$1
	shift
	;;
esac
pattern=${1:-*}
MS_TIER=$tier
MS_SEED=${MS_SEED:-$(date +%s)}
MS_LONG_PERCENT=${MS_LONG_PERCENT:-100}
export MS_SRC MS_TIER MS_SEED MS_LONG_PERCENT
export ASAN_OPTIONS="detect_leaks=1:detect_stack_use_after_return=1:exitcode=99"
export UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1:exitcode=99"

. cmd/install.sh

work=$(mktemp -d "${TMPDIR:-/tmp}/memsleuth-run.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 2' INT TERM HUP

die()
{
	echo "$*"
	echo "0 passed, 1 failed, 0 skipped"
	exit 1
}

# build DIR OPTION...: configure and compile; the output is shown only if it fails.
build()
{
	dir=$1
	echo "== build $*"
	{
		ms_configure "$@" && ninja -C "$dir"
	} >"$work/build.log" 2>&1 || {
		grep -v '^\[[0-9/]*\] ' "$work/build.log" | tail -n 60
		die "the build in $dir failed"
	}
}

# add LABEL DIR NAME COMMAND: one line of the runner's list.
add()
{
	# shellcheck disable=SC2254
	case $3 in
	$pattern) printf '%s\t%s\t%s\t%s\n' "$@" >>"$work/list" ;;
	esac
}

# add_meson LABEL DIR: what meson knows as tests: units and corpus replay.
add_meson()
{
	meson introspect "$2" --tests |
		jq -r '.[] | [(.suite[0] | sub(".*:"; "")) + "/" + .name, (.cmd | join(" "))] | @tsv' \
			>"$work/meson"
	while IFS='	' read -r name command; do
		add "$1" "$MS_SRC/$2" "$name" "$command"
	done <"$work/meson"
}

# in_tier SCRIPT: does its header keep it for the longer tiers?
in_tier()
{
	[ "$tier" != quick ] || ! sed -n '1,12s/^# runner://p' "$1" | grep -q 'tier=full'
}

# add_scripts LABEL DIR FOLDER
add_scripts()
{
	for script in tests/"$3"/*.sh; do
		[ -f "$script" ] && in_tier "$script" || continue
		name=${script#tests/}
		add "$1" "$MS_SRC/$2" "${name%.sh}" "$MS_SRC/$script"
	done
}

add_cli()
{
	for script in tests/cli/*/*.sh; do
		[ -f "$script" ] || continue
		name=${script#tests/}
		add "$1" "$MS_SRC/$2" "${name%.sh}" \
			"$MS_SRC/tests/cli/golden.sh $MS_SRC/$script"
	done
}

# add_fuzzing: each libFuzzer target for a while, from a fresh seed.
add_fuzzing()
{
	seconds=10
	[ "$tier" != long ] || seconds=$((1200 * MS_LONG_PERCENT / 100))
	for program in build-fuzz/tests/fuzz/fuzz_*; do
		[ -x "$program" ] && [ -f "$program" ] || continue
		add fuzz "$MS_SRC/build-fuzz" "fuzzing/${program##*/fuzz_}" \
			"$MS_SRC/tests/fuzz/fuzz.sh $MS_SRC/$program $seconds"
	done
}

# add_long: what draws random input, a hundred times more of it, in the sanitizer build.
add_long()
{
	for source in $(grep -l MS_SEED tests/unit/*.c); do
		name=${source##*/}
		name=${name%.c}
		for i in $(seq "$MS_LONG_PERCENT"); do
			add long "$MS_SRC/build-asan" "unit/$name-$i" \
				"env MS_SEED=$((MS_SEED + i)) $MS_SRC/build-asan/tests/unit/test_$name"
		done
	done
	for corpus in fixtures/corpus/*/; do
		name=$(basename "$corpus")
		add long "$MS_SRC/build-asan" "fuzz/$name" \
			"$MS_SRC/build-asan/tests/fuzz/fuzz_$name $MS_SRC/$corpus $((20000 * MS_LONG_PERCENT)) $((6 * MS_LONG_PERCENT))"
	done
}

build_with_clang()
{
	(
		CC=clang
		export CC
		build "$@"
	) || exit 1
}

# prepare_roots: downloads while the compiler works. What goes wrong, tests tell.
prepare_roots()
{
	for name in roots jdks; do
		MS_BUILD=$MS_SRC/build sh "$MS_SRC/tests/prepare/$name.sh" >/dev/null 2>&1 </dev/null
	done
}

began=$(date +%s)
sections="build test"
[ "$tier" = quick ] || sections="$sections full"
# shellcheck disable=SC2086
ms_install . $sections || die "cannot install what the tests need"
[ "$tier" = quick ] || [ "$pattern" != '*' ] || prepare_roots &
echo "== $tier tier, seed $MS_SEED (repeat with MS_SEED=$MS_SEED)"

build build -Dwerror=true -Dtests=true
# Instrumented code makes gcc warn of things that are not there: only here they are no errors.
build build-asan -Dwerror=false -Dtests=true -Db_sanitize=address,undefined -Doptimization=1
: >"$work/list"
add_scripts plain build lint
add_meson plain build
add_cli plain build
add_scripts plain build live
add_meson asan build-asan
add_cli asan build-asan
if [ "$tier" != quick ]; then
	add_scripts asan build-asan live
	# Warnings of the second compiler are errors too; clang-tidy reads this build.
	build_with_clang build-clang -Dwerror=true -Doptimization=0
	build_with_clang build-fuzz -Dwerror=true -Dfuzz=true -Doptimization=1 \
		-Db_sanitize=address,undefined -Db_lundef=false
	add_scripts clang build-clang full
	add_fuzzing
fi
[ "$tier" != long ] || add_long

tests/runner.sh "$work/results" <"$work/list" >"$work/output.fifo.txt" &
runner=$!
tail -n +1 -s 0.2 -f --pid=$runner "$work/output.fifo.txt" | sed -u '/ passed, .* skipped$/d'
wait $runner
status=$?
summary=$(tail -n 1 "$work/output.fifo.txt")
echo "== $(($(date +%s) - began)) s"
if [ "$tier" = long ]; then
	{
		date -u +"%Y-%m-%d, $MS_LONG_PERCENT % of the long tier"
		echo "commit $(git rev-parse HEAD 2>/dev/null), seed $MS_SEED, $(($(date +%s) - began)) s"
		sed 's/^/  /' "$work/output.fifo.txt"
	} >tests/long-result.txt
fi
echo "$summary"
exit $status
