# Refused process_vm_readv, it reads another way and says nothing of it.
. "$MS_SRC/tests/lib.sh"
need_command jq
start maps mkmaps --only=anon
deny EPERM process_vm_readv mapdump -q "$pid" -o out.core
