# runner: timeout=180
# Where a kernel lacks a call, or a container's profile refuses it, the snapshot is the same:
# /proc/PID/mem instead of process_vm_readv, pagemap words instead of PAGEMAP_SCAN, and no
# pidfd. A page shared after fork is not copied on that way either.
. "$MS_SRC/tests/lib.sh"
. "$MS_SRC/tests/live/gdb.inc"

start maps mkmaps --fork
child=$(truth maps .child_pid)
hold "$pid"
hold "$child"
compare eperm $never,$unselected deny EPERM process_vm_readv mapdump
compare enosys $never,$unselected deny ENOSYS process_vm_readv,pidfd_open,openat2 mapdump
compare words $never,$unselected deny ENOTTY ioctl mapdump
compare old $never,$unselected \
	deny ENOSYS process_vm_readv,pidfd_open,openat2,ioctl mapdump
