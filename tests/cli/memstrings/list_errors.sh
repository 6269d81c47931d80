# --list goes on after an operand it cannot read, and exits with 1 as GNU strings does.
. "$MS_SRC/tests/lib.sh"

echo 'here I am' >a
memstrings --list no-such-file . 4194305 a
