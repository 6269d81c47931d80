# Chosen columns; the rows keep their order.
. "$MS_SRC/tests/lib.sh"

memwho -o OWNER,RESIDENT,GRADE,TITLE,NEXT --bytes "$MS_SRC/fixtures/trees/c" | sed -n "3,\$p"
