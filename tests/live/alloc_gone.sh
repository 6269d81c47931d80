# glibc's malloc where the libc's file is gone, as after an upgrade, or is another one by now:
# its books are found in memory alone.
. "$MS_SRC/tests/lib.sh"
. "$MS_SRC/tests/live/alloc_counters.inc"
. "$MS_SRC/tests/live/alloc_gone.inc"

check_gone here blocks /
