# A captured tree has no memory: that is said, and why.
. "$MS_SRC/tests/lib.sh"

memstrings "$MS_SRC/fixtures/trees/c" >out
status=$?
grep -v '^left out' out | sed -n '1s/ in [0-9.]* s / in N s /;1,/^$/p'
tail -n 1 out
exit $status
