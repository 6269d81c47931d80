# Every column of pmap -XX, and the owner.
. "$MS_SRC/tests/lib.sh"

memwho --mappings --raw "$MS_SRC/fixtures/trees/c"
