#!/bin/sh
# Runs tests and counts them.
#
# Usage: tests/runner.sh RESULTS-DIR < LIST
#
# A line of the list is: build label, build directory, name, command; separated by tabs. The
# command is an executable or a script, with its arguments. Two tests run at a time, but
# those that say "# runner: alone" run by themselves, after the others. A script may also say
# "# runner: timeout=SECONDS" (120 if it does not).
#
# The environment has MS_SRC. The last line counts; the exit status is 0 only if nothing
# failed and something passed.

set -u

# What the scripts of a command say of themselves.
header()
{
	for word in $1; do
		case $word in
		*.sh) sed -n '1,12s/^# runner: *//p' "$word" ;;
		esac
	done
}

# One test. Its verdict is one line in RESULTS/verdicts; the output is shown if it failed.
run_one()
{
	results=$1
	IFS='	' read -r label build name command <<-END
	$2
	END
	limit=$(header "$command" | tr ' ' '\n' | sed -n 's/^timeout=//p' | head -n 1)
	limit=${limit:-120}
	[ "${MS_TIER:-}" != long ] || limit=$((limit * 20))
	case $command in
	*.sh | *.sh\ *) command="sh $command" ;;
	esac
	log=$results/$(echo "$label-$name" | tr / -).log
	MS_BUILD=$build
	MS_SANITIZED=
	case $label in
	asan* | long*) MS_SANITIZED=yes ;;
	esac
	export MS_BUILD MS_SANITIZED
	began=$(date +%s)
	# shellcheck disable=SC2086
	timeout --kill-after=15 "$limit" $command >"$log" 2>&1 </dev/null
	status=$?
	seconds=$(($(date +%s) - began))
	case $status in
	0) verdict=passed why= ;;
	77) verdict=skipped why=": $(sed -n 's/^skipped: //p' "$log" | tail -1)" ;;
	124 | 137) verdict=FAILED why=": took more than $limit s" ;;
	*) verdict=FAILED why=": exit code $status" ;;
	esac
	# What took long is said: the tiers have bounds.
	[ $verdict != passed ] || [ $seconds -lt 5 ] || why=": $seconds s"
	{
		printf '%-7s %-6s %s%s\n' "$verdict" "$label" "$name" "$why"
		if [ $verdict = FAILED ]; then
			tail -n 80 "$log" | sed 's/^/    | /'
		fi
	} >"$log.line"
	cat "$log.line"
	echo "$verdict" >>"$results/verdicts"
}

if [ "${1:-}" = --one ]; then
	run_one "$2" "$3"
	exit 0
fi

results=$1
mkdir -p "$results"
: >"$results/verdicts" >"$results/together" >"$results/alone"
while IFS= read -r line; do
	command=${line##*	}
	case " $(header "$command" | tr '\n' ' ') " in
	*' alone '*) echo "$line" >>"$results/alone" ;;
	*) echo "$line" >>"$results/together" ;;
	esac
done
for list in together:2 alone:1; do
	xargs -r -d '\n' -P "${list#*:}" -n 1 sh "$0" --one "$results" <"$results/${list%:*}"
done

count()
{
	grep -c "^$1" "$results/verdicts"
}
wanted=$(cat "$results/together" "$results/alone" | wc -l)
ended=$(wc -l <"$results/verdicts")
failed=$(($(count FAILED) + wanted - ended))
[ "$wanted" = "$ended" ] || echo "FAILED  $((wanted - ended)) tests gave no verdict"
echo "$(count passed) passed, $failed failed, $(count skipped) skipped"
[ $failed = 0 ] && [ "$(count passed)" -gt 0 ]
