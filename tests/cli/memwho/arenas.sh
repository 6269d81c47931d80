# The table of --arenas, of a saved ledger: the same everywhere.
. "$MS_SRC/tests/lib.sh"

memwho --arenas "$MS_SRC/fixtures/ledgers/heaps.json"
