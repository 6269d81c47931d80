. "$MS_SRC/tests/lib.sh"
# In a container pid 2 is something else.
grep -q "^2 (kthreadd)" /proc/2/stat 2>/dev/null || skip "there is no kernel thread to see"
mapdump 2 -o out.core
