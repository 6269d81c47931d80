# A misspelled option: the nearest is named.
. "$MS_SRC/tests/lib.sh"
mapdump --mappings 1
