# An unknown column is wrong usage, and the nearest is named; the target is not looked at.
. "$MS_SRC/tests/lib.sh"

memwho -o OWNR 1
