# Every way to write an option.
. "$MS_SRC/tests/lib.sh"
PATH=$MS_BUILD/tests/unit:$PATH

sample options one -10 --lim=3M --exclude a --exclude=b --layout tree -x two -- -3
sample options -an7 --interval=250ms --output=- -e l
sample options --layout=f --least=0
