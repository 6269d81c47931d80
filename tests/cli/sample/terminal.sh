# On a terminal: colour, a width that cuts the last column, and a pager; none with --json.
. "$MS_SRC/tests/lib.sh"
PATH=$MS_BUILD/tests/unit:$PATH

need_terminal
run()
{
	script -qec "stty cols 24 rows 5; $1" /dev/null </dev/null | tr -d '\r' | sed 's/\x1b/ESC/g'
}
unset NO_COLOR FORCE_COLOR CLICOLOR_FORCE
export TERM=xterm
run 'sample table --no-pager'
run 'NO_COLOR=1 sample table --no-pager'
echo 'paged:'
run 'PAGER="sed s/^/page:/" sample table --color=never'
run 'PAGER="sed s/^/page:/" sample table --json=lines --columns=RSS'
echo 'a pager that quits, and one that is not there:'
run 'PAGER="head -n 1" sample table --color=never; echo $?'
run 'PAGER=/nonexistent/pager sample table --color=never >/dev/null; echo $?'
