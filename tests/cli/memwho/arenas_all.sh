# Every column, exact.
. "$MS_SRC/tests/lib.sh"

memwho --arenas --raw -o all "$MS_SRC/fixtures/ledgers/heaps.json"
