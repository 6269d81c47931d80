# What was saved of malloc comes back as it was.
. "$MS_SRC/tests/lib.sh"

memwho --json "$MS_SRC/fixtures/ledgers/heaps.json" >again.json
for key in allocators arenas size_classes threads; do
	jq -S ".$key" again.json >again.$key
	jq -S ".$key" "$MS_SRC/fixtures/ledgers/heaps.json" | cmp - again.$key
done
