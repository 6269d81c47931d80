# The first line is the name and the version.
. "$MS_SRC/tests/lib.sh"
mapdump --version | sed "1s/[0-9][0-9.]*/N/"
