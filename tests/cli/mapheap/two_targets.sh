# One target, or a program.
. "$MS_SRC/tests/lib.sh"

mapheap 1 2
