# A message names its subject, has its hint below, and is safe for the terminal.
. "$MS_SRC/tests/lib.sh"
PATH=$MS_BUILD/tests/unit:$PATH

sample "$(printf 'a\033[31m\302\233\377\nb\\c')"
