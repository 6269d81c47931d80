# The folder of the output is missing.
. "$MS_SRC/tests/lib.sh"
need_command jq
start maps mkmaps --only=anon
mapdump "$pid" -o nowhere/out.core
