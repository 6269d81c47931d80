# One table at a time.
. "$MS_SRC/tests/lib.sh"

memwho --arenas --blocks "$MS_SRC/fixtures/ledgers/heaps.json"
