# Names that would attack a terminal, and lines of maps that make no sense.
. "$MS_SRC/tests/lib.sh"

memwho "$MS_SRC/fixtures/trees/hostile"
