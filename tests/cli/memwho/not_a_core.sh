# A file that is no core.
. "$MS_SRC/tests/lib.sh"

printf "not a core" >file
memwho ./file
