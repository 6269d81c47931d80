# No byte of a name reaches the terminal as a control, whatever the colour.
. "$MS_SRC/tests/lib.sh"
PATH=$MS_BUILD/tests/unit:$PATH

sample table --columns=+COUNT
LC_ALL=C sample table --noheadings --columns=NAME
sample table --color=always --bytes
