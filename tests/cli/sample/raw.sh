# Tab-separated: exact, one line a row, no tab or newline from a name.
. "$MS_SRC/tests/lib.sh"
PATH=$MS_BUILD/tests/unit:$PATH

sample table --raw --sort=NAME --color=always
