# The document of a ledger, with the keys others rely on.
. "$MS_SRC/tests/lib.sh"

need_command jq
memwho --json "$MS_SRC/fixtures/trees/c" >document
jq -c "[keys, .target, .rss_bytes, .rss_smaps_bytes, .balance_bytes, .unexplained_bytes, (.owners[0] | keys)]" document
jq -c ".owners[] | [.owner, .resident_bytes, .grade]" document
jq -c ".outside, .notes" document
