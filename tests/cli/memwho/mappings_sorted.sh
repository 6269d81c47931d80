# Chosen columns in a chosen order, sizes in bytes.
. "$MS_SRC/tests/lib.sh"

memwho --mappings -b -o RANGE,PERM,RSS,RESIDENT,OWNER,NAME --sort=-RSS "$MS_SRC/fixtures/trees/hostile"
