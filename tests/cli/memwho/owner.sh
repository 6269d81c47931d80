# All that is known of one owner, of a saved ledger.
. "$MS_SRC/tests/lib.sh"

memwho --owner=malloc.free "$MS_SRC/fixtures/ledgers/heaps.json"
