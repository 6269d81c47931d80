# A damaged core is an error, not a file of bytes; with --list it is a file like any other.
. "$MS_SRC/tests/lib.sh"

printf '\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\4\0\76\0\1\0\0\0' >core
printf 'some text here' >>core
memstrings --list core
memstrings core
