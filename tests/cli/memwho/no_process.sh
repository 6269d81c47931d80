# No such process.
. "$MS_SRC/tests/lib.sh"

memwho 999999999
