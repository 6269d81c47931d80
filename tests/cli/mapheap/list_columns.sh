# --list-columns needs no target.
. "$MS_SRC/tests/lib.sh"

mapheap --list-columns
