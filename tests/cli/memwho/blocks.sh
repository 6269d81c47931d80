# The table of --blocks, of a saved ledger: the same everywhere.
. "$MS_SRC/tests/lib.sh"

memwho --blocks "$MS_SRC/fixtures/ledgers/heaps.json"
