. "$MS_SRC/tests/lib.sh"
mapdump
