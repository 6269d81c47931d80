# A saved ledger is shown as the target it was made of.
. "$MS_SRC/tests/lib.sh"

memwho --json "$MS_SRC/fixtures/trees/jvm" >saved.json
memwho "$MS_SRC/fixtures/trees/jvm" >direct
memwho saved.json >again
cmp direct again
memwho --json saved.json | cmp - saved.json
