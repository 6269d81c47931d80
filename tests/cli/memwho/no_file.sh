# No such file.
. "$MS_SRC/tests/lib.sh"

memwho ./nothing-here
