. "$MS_SRC/tests/lib.sh"
mapdump --mappings 1
