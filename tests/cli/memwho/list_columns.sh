# --list-columns needs no target.
. "$MS_SRC/tests/lib.sh"

memwho --list-columns
