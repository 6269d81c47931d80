# An unknown column is wrong usage, and the nearest is named.
. "$MS_SRC/tests/lib.sh"

mapheap -o SPCE 1
