# Every stack of the host's C library: live, stopped, in a snapshot and in a core of gdb's.
. "$MS_SRC/tests/lib.sh"
. "$MS_SRC/tests/live/threads.inc"
need_command gcore

start many threads
look many "$pid"
hold "$pid"
look many "$pid"
run mapdump "$pid" -o many.core
expect_status 0
look many many.core
gcore -o gdb "$pid" >gcore.log 2>&1 || fail "gcore: $(cat gcore.log)"
# gdb's core has no library's symbols: the lists are found by what is in them
look many "gdb.$pid"

start one threads --single
look one "$pid"
hold "$pid"
run mapdump "$pid" -o one.core
expect_status 0
look one one.core
