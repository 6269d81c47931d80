. "$MS_SRC/tests/lib.sh"
# Above the kernel's largest pid.
mapdump 4999999 -o out.core
