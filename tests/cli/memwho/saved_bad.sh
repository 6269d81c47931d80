# A saved ledger that makes no sense.
. "$MS_SRC/tests/lib.sh"

printf "{\"schema\":\"memsleuth/heap/1\"}" >file
memwho ./file
