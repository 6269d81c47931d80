# runner: tier=full timeout=600
# The heap and flags of JDK 26, under each of its collectors, as its own tools say them.
. "$MS_SRC/tests/lib.sh"
. "$MS_SRC/tests/jdks.inc"
. "$MS_SRC/tests/live/hotspot_matrix.inc"
matrix 26
