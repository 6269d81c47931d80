# --quiet silences notes; the answer "no" is exit status 1.
. "$MS_SRC/tests/lib.sh"
PATH=$MS_BUILD/tests/unit:$PATH

sample incomplete -q || [ $? = 3 ]
sample no
