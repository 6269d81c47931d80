# The ledger of a stopped process sums to the kernel's Rss, to the byte.
. "$MS_SRC/tests/lib.sh"
. "$MS_SRC/tests/live/balance.inc"
start_java target -XX:+UseSerialGC -Xmx128m -- --heap=32
balance
