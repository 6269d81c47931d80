# Without a target: wrong usage.
. "$MS_SRC/tests/lib.sh"

mapheap
