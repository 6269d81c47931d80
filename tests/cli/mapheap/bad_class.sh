# --follow takes a class.
. "$MS_SRC/tests/lib.sh"

mapheap "--follow=byte[" 1
