# The ledger of a stopped process sums to the kernel's Rss, to the byte.
. "$MS_SRC/tests/lib.sh"
. "$MS_SRC/tests/live/balance.inc"
need_command python3
start target python3 -c '
import json, os, sys, zlib
kept = [zlib.compressobj() for i in range(20)] + ["text %d" % i for i in range(100000)]
print(json.dumps({"pid": os.getpid()}), flush=True)
sys.stdin.read()'
balance
