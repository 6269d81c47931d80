# Output that cannot be written is an error, once.
. "$MS_SRC/tests/lib.sh"

echo 'text that goes nowhere' >a
memstrings --list a a >/dev/full
