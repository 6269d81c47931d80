# A kernel thread has no memory.
. "$MS_SRC/tests/lib.sh"

read -r name </proc/2/comm || skip "no pid 2"
[ "$name" = kthreadd ] || skip "pid 2 is $name"
memwho 2
