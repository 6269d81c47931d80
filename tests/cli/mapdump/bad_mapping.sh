# A mapping that nobody has.
. "$MS_SRC/tests/lib.sh"
need_command jq
start maps mkmaps --only=anon
mapdump "$pid" --mapping=nothing-like-this -o out.core
