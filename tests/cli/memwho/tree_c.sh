# The ledger of a captured C program.
. "$MS_SRC/tests/lib.sh"

memwho "$MS_SRC/fixtures/trees/c"
