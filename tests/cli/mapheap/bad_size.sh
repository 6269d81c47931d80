# --large takes a size.
. "$MS_SRC/tests/lib.sh"

mapheap --large=much 1
