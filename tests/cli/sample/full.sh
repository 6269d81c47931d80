# What could not be written is an error, however late it shows.
. "$MS_SRC/tests/lib.sh"
PATH=$MS_BUILD/tests/unit:$PATH

sample table >/dev/full
