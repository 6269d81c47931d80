# A program that is no JVM is run, and then nothing can be shown of it.
. "$MS_SRC/tests/lib.sh"

mapheap -- sh -c "exit 3"
