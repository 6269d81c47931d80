# The ledger of a captured JVM, tab-separated: heap, code cache, archive and class space by shape.
. "$MS_SRC/tests/lib.sh"

memwho --raw "$MS_SRC/fixtures/trees/jvm"
