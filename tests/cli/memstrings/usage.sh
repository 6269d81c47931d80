# Wrong usage: one line, a pointer to --help, exit status 2, nothing on standard output.
. "$MS_SRC/tests/lib.sh"

echo text >a
for words in '' 'a a' '--list -n 0 a' '--list -n 5x a' '--list -n -1 a' '--list -n a' \
	'--list -t q a' '--list -e ss a' '--list -5f a -5x' '--list -99999999999999999999 a' \
	'-1 a' '-n 2000 a' '--owner=jva a' '--owner=nobody a' '--owner=java a' '--columns=x a' '--list --no-such-option a' '--top=x a'; do
	# shellcheck disable=SC2086
	memstrings $words && fail "accepted: $words"
	[ $? = 2 ] || fail "exit status is not 2: $words"
done
exit 0
