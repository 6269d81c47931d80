# Help.
. "$MS_SRC/tests/lib.sh"

mapheap --help
