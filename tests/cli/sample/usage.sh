# Wrong usage: one line, a pointer to --help, exit status 2, nothing on standard output.
. "$MS_SRC/tests/lib.sh"
PATH=$MS_BUILD/tests/unit:$PATH

for words in '' 'table --colums=x' 'table --columns=NAMES' 'table --sort=-R' 'table --co' '-n x' \
	'table --layout=leaf' 'table --all=1' 'table -Z' '--limit' '--introspect-cli=yaml' 'table --color=x'; do
	# shellcheck disable=SC2086
	sample $words && fail "accepted: $words"
	[ $? = 2 ] || fail "exit status is not 2"
done
exit 0
