# Documents and lines that jq reads, printable ASCII throughout.
. "$MS_SRC/tests/lib.sh"
PATH=$MS_BUILD/tests/unit:$PATH

need_command jq
sample table --json >document
LC_ALL=C grep -q '[^ -~]' document && fail "not printable ASCII"
jq -ac '.mappings[] | [.name, .resident_bytes]' document
sample table --json=lines --columns=NAME --sort=-NAME
