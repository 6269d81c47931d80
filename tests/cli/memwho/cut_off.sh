# A core that is cut off is read as far as it goes, and the answer says so.
. "$MS_SRC/tests/lib.sh"

head -c 100000 "$MS_SRC/fixtures/corpus/target_file/gcore" >cut
code=0
memwho ./cut >out || code=$?
tail -n 1 out
exit $code
