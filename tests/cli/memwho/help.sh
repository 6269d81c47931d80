# Help.
. "$MS_SRC/tests/lib.sh"

memwho --help
