# A target without a JVM.
. "$MS_SRC/tests/lib.sh"

cd "$MS_SRC"
mapheap fixtures/trees/c
