# --owner of what is no owner.
. "$MS_SRC/tests/lib.sh"

memwho --owner=jaba.heap "$MS_SRC/fixtures/ledgers/heaps.json"
