# The root with other JDKs, before tests want it: see jdks.inc.
. "$MS_SRC/tests/lib.sh"
. "$MS_SRC/tests/jdks.inc"
