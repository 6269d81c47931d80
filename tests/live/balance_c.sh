# The ledger of a stopped process sums to the kernel's Rss, to the byte.
. "$MS_SRC/tests/lib.sh"
. "$MS_SRC/tests/live/balance.inc"
start target mkmaps --threads=4 --spin=1 --fork
balance
