# --force replaces a file.
. "$MS_SRC/tests/lib.sh"
need_command jq
start maps mkmaps --only=anon
echo old >out.core
mapdump -q --force "$pid" -o out.core
head -c 4 out.core | od -An -c
