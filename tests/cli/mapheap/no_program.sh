# A program that is not there.
. "$MS_SRC/tests/lib.sh"

mapheap -- ./nothing-here
