# --list: every option once, several files, standard input.
. "$MS_SRC/tests/lib.sh"

printf 'first\0ab\0\001second\tone\nlast' >a
printf '\0w\0i\0d\0e\0 \0o\0n\0e' >b
printf 'caf\351s\r\n\fpage' >c
s() { echo "# $*"; memstrings --list "$@"; }
s a
s -n 2 a
s -2 -t x a
s --bytes=0x6 --radix=d a
s -n 010 a
s -o -f a a
s -e b b
s --encoding=l -fotd b
s -s '|' a; echo
s -e S c | od -An -c
s -w c | od -An -c
s - a
s -ad a
echo 'from a pipe' | memstrings --list -
echo 'from a pipe' | memstrings --list -f
