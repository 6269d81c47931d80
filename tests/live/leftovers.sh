# Freed memory stays malloc's, whoever used it last; who that was is told beside the row, and
# of memory that says nothing, nothing is told.
. "$MS_SRC/tests/lib.sh"
need_utility memwho
need_command jq

# row FILE: of glibc's free blocks.
row()
{
	jq -e '.owners[] | select(.owner == "malloc.free.glibc")' "$1"
}

start full leftovers
hold "$pid"
memwho --json "$pid" >full.ledger
row full.ledger >full.row
[ "$(jq .resident_bytes full.row)" -gt 20000000 ] || fail "too little is free: $(cat full.row)"
expect_equal "$(jq -r '.last_used_by[0].owner' full.row)" lib.leftovers "last user"
# A sample: within a tenth of all of it.
jq -e '(.last_used_by[0].bytes / .resident_bytes) | . > 0.9 and . < 1.1' full.row >/dev/null ||
	fail "share of the last user: $(jq -c .last_used_by full.row)"
jq -e '[.owners[].owner | select(startswith("lib."))] == []' full.ledger >/dev/null ||
	fail "a last user became an owner"
memwho "$pid" >full.table
grep -q '^malloc.free.glibc .*last used by lib.leftovers, ' full.table ||
	fail "the table does not say it: $(cat full.table)"

start blank leftovers --blank
hold "$pid"
memwho --json "$pid" >blank.ledger
row blank.ledger >blank.row
[ "$(jq .resident_bytes blank.row)" -gt 20000000 ] || fail "too little is free: $(cat blank.row)"
expect_equal "$(jq -c '.last_used_by' blank.row)" '[]' "last user of numbers"
