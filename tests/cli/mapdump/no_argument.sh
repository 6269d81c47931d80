# Nothing to do.
. "$MS_SRC/tests/lib.sh"
mapdump
