#!/bin/sh
# Every utility's --help, man page and completion say what its option and column tables say,
# no more and no less; and all utilities answer alike.

. "$MS_SRC/tests/lib.sh"
need_command jq bash

problems=0
problem()
{
	echo "$utility: $*"
	problems=$((problems + 1))
}

# What the two lists do not have in common, with the reason.
same()
{
	sort -u "$2" >a.sorted
	sort -u "$3" >b.sorted
	comm -23 a.sorted b.sorted | sed "s/^/only in the table, not in $1: /" >difference
	comm -13 a.sorted b.sorted | sed "s/^/only in $1, not in the table: /" >>difference
	while IFS= read -r line; do
		problem "$line"
	done <difference
}

check_table()
{
	jq -r '.options[] | select(.name) | "--" + .name' tables >names
	jq -r '.options[] | select(.letter) | "-" + .letter' tables >letters
	jq -r '.column_sets[].columns[].name' tables >columns
	jq -r '.options[] | (select(.name) | "--" + .name), (select(.letter) | "-" + .letter)' tables |
		sort | uniq -d >twice
	jq -r '.column_sets[] | .name as $s | (([.columns[].name], [.columns[].key | select(.)])
		| group_by(.)[] | select(length > 1) | $s + " has twice " + .[0])' tables >>twice
	while IFS= read -r word; do problem "is declared twice: $word"; done <twice
	jq -r '(.options[], .column_sets[].columns[]) | select(.help
		| test("^[A-Z][a-z]|[.]$|[^ -~]|^$|  ")) | .name // .letter' tables >odd
	while IFS= read -r word; do
		problem "$word: help begins in lower case, ends without a full stop, is ASCII"
	done <odd
	jq -r '.column_sets[].columns[] | select((.name | test("^[A-Z][A-Z0-9_%]*$") | not)
		or (.key and (.key | test("^[a-z][a-z0-9_]*$") | not))) | .name' tables >odd
	while IFS= read -r word; do problem "$word: not UPPER, or key not lower_case"; done <odd
	jq -r '.options[] | select(.argument and (.argument | test("^[A-Z][A-Z|,:+]*$") | not))
		| .name // .letter' tables >odd
	while IFS= read -r word; do problem "$word: argument is not in upper case"; done <odd
}

# The long options, letters and columns that --help explains.
check_help()
{
	"$utility" --help >help 2>err || problem "--help fails"
	[ -s err ] && problem "--help writes to standard error"
	awk 'length($0) > 80' help >long
	[ -s long ] && problem "--help is wider than 80 columns: $(head -n 1 long)"
	head -n 1 help | grep -q "^Usage: $utility " || problem "--help begins without usage"
	sed '/^Columns/,$d; /^Examples:/,$d' help >explained
	grep -oE '^ {2}(-., |    )--[a-z0-9-]+' explained | grep -oE -- '--.*' >in_help
	same --help names in_help
	grep -oE '^  -[^ ,-]' explained | tr -d ' ' >in_help
	same "--help (letters)" letters in_help
	sed -n '/^Columns/,/^Examples:/p' help | grep -oE '^  [A-Z][A-Z0-9_%]*' | tr -d ' ' >in_help
	same "--help (columns)" columns in_help
}

check_version()
{
	"$utility" --version | head -n 1 | grep -qE "^$utility \(memsleuth\) [0-9]+\.[0-9]+\.[0-9]+$" ||
		problem "the first line of --version is $("$utility" -V | head -n 1)"
}

check_usage()
{
	status=0
	"$utility" --no-such-option >out 2>err || status=$?
	[ $status = 2 ] || problem "wrong usage gives exit status $status"
	[ -s out ] && problem "wrong usage writes to standard output"
	[ "$(wc -l <err)" = 2 ] || problem "wrong usage gives $(wc -l <err) lines"
	sed -n 1p err | grep -q "^$utility: unknown option '--no-such-option'" ||
		problem "wrong usage does not name the option"
	sed -n 2p err | grep -qx "Try '$utility --help'" || problem "no pointer to --help"
}

sections='NAME SYNOPSIS DESCRIPTION OPTIONS EXIT.STATUS ENVIRONMENT EXAMPLES SEE.ALSO'

check_manual()
{
	page=$MS_BUILD/cmd/$utility.1
	[ -f "$page" ] || { problem "has no man page"; return; }
	for section in $sections; do
		grep -qiE "^\.SH \"?$section\"?$" "$page" || problem "man page has no $section"
	done
	[ -s columns ] && ! grep -qE '^\.SH COLUMNS' "$page" && problem "man page has no COLUMNS"
	grep -q '@[A-Z]*@' "$page" && problem "man page has an open placeholder"
	sed 's/\\-/-/g; s/\\f[A-Z]//g' "$page" >plain
	# In OPTIONS every option; elsewhere none that does not exist.
	sed -n '/^\.SH OPTIONS/,/^\.SH COLUMNS\|^\.SH EXIT/p' plain >options
	grep -A1 '^\.TP' options | grep -oE '(^|, )--[a-z0-9-]+' | grep -oE -- '--.*' >in_page
	same "the man page" names in_page
	grep -E '^\.(BR?|RB|IR?) |^[^.].*--' plain |
		grep -vE '(git|gdb|java|jcmd|kubectl|zstd|readelf|kill|docker) ' |
		grep -oE '(^|[^a-zA-Z0-9-])--[a-z][a-z0-9-]+' | grep -oE -- '--.*' | sort -u >mentioned
	sort -u names >names.sorted
	comm -13 names.sorted mentioned >unknown
	while IFS= read -r word; do problem "man page mentions $word"; done <unknown
	if command -v groff >/dev/null; then
		groff -man -Tutf8 -P-cbou -ww -rLL=78n "$page" 2>warnings >shown || problem "groff fails"
		[ -s warnings ] && problem "man page: $(head -n 1 warnings)"
		for column in $(cat columns); do
			grep -q "^ *$column (" shown || problem "man page has no column $column"
		done
	fi
}

# What bash offers after "--", and after --columns= and --sort=.
check_completion()
{
	script=$MS_BUILD/cmd/$utility.bash
	[ -f "$script" ] || { problem "has no completion"; return; }
	cat >complete.bash <<-'END'
		source "$1"; utility=$2; shift 2
		COMP_WORDS=("$utility" "$@"); COMP_CWORD=$#
		compopt() { :; }
		COMPREPLY=()
		"_${utility//-/_}"
		printf '%s\n' "${COMPREPLY[@]}"
	END
	bash complete.bash "$script" "$utility" -- | sed 's/=$//' | grep . >offered
	grep -e -- offered >/dev/null || problem "completion offers nothing"
	same "the completion" names offered
	if grep -qx -e --columns names; then
		bash complete.bash "$script" "$utility" --columns = '' | grep . >offered
		same "the completion (columns)" columns offered
		first=$(head -n 1 columns)
		bash complete.bash "$script" "$utility" --sort = "-$first," | grep -qx -e "-$first,$first" ||
			problem "completion does not go on after a comma"
	fi
	jq -r '.options[] | select((.choices | length) > 0 and .name) | .name' tables >with_choices
	while IFS= read -r option; do
		jq -r --arg o "$option" '.options[] | select(.name == $o) | .choices[]' tables >wanted
		bash complete.bash "$script" "$utility" "--$option" = '' | grep . >offered
		same "the completion of --$option" wanted offered
	done <with_choices
}

# The scripts of the other shells: the same options, and no syntax error where the shell is.
check_other_shells()
{
	fish=$MS_BUILD/cmd/$utility.fish zsh=$MS_BUILD/cmd/_$utility
	[ -f "$fish" ] && [ -f "$zsh" ] || { problem "has no fish or zsh completion"; return; }
	grep -oE ' -l [a-z0-9-]+' "$fish" | sed 's/ -l /--/' >offered
	same "the fish completion" names offered
	grep -oE "^		'[*]?--[a-z0-9-]+" "$zsh" | grep -oE -- '--.*' >offered
	same "the zsh completion" names offered
	if command -v fish >/dev/null; then fish -n "$fish" || problem "fish refuses it"; fi
	if command -v zsh >/dev/null; then zsh -n "$zsh" || problem "zsh refuses it"; fi
}

# The examples of --help use options that exist.
check_examples()
{
	sed -n '/^Examples:/,$p' help | grep '^  [^ ]' | tr '|' '\n' | sed 's/^ *//; s/ -- .*//' |
		grep "^$utility " | grep -oE -- ' --[a-z-]+| -[a-zA-Z]' | tr -d ' ' | sort -u >used
	[ -s used ] || "$utility" --help | grep -q "^  $utility " || problem "--help has no examples"
	cat names letters | sort -u >known
	comm -23 used known >unknown
	while IFS= read -r word; do problem "an example uses $word"; done <unknown
}

# A letter means the same in all utilities. Exempt: memstrings, whose letters are those of GNU
# strings, and -o, which is mapdump's file and elsewhere the columns.
check_letters()
{
	[ "$utility" != memstrings ] || return 0
	jq -r '.options[] | select(.letter and .letter != "o") | .letter + " " + (.name // "")' tables |
		while read -r letter name; do
			other=$(sed -n "s/^$letter //p" letters.seen | head -n 1)
			[ -n "$other" ] || echo "$letter $name" >>letters.seen
			[ "${other:-$name}" = "$name" ] || echo "-$letter is --$name here, --$other elsewhere"
		done >differ
	while IFS= read -r line; do problem "$line"; done <differ
}

: >letters.seen
checked=0
for program in "$MS_BUILD"/cmd/*/*; do
	[ -f "$program" ] && [ -x "$program" ] || continue
	utility=${program##*/}
	[ "$utility" = "$(basename "$(dirname "$program")")" ] || continue
	checked=$((checked + 1))
	if ! "$utility" --introspect-cli >tables 2>err || ! jq -e . tables >/dev/null; then
		problem "cannot print its tables: $(head -n 1 err)"
		continue
	fi
	check_table
	check_help
	check_version
	check_usage
	check_manual
	check_completion
	check_other_shells
	check_examples
	check_letters
done
echo "$checked utilities, $problems problems"
[ $checked -gt 0 ] && [ $problems = 0 ]
