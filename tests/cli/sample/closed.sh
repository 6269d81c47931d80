# Closed descriptors: output fails loudly, and no file takes the place of standard error.
. "$MS_SRC/tests/lib.sh"
PATH=$MS_BUILD/tests/unit:$PATH

sample table >&- && fail "a closed standard output was not noticed"
sample no 2>&- <&- || [ $? = 1 ]
