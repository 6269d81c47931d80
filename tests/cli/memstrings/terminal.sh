# Nothing in a file, or in its name, steers a terminal.
. "$MS_SRC/tests/lib.sh"

need_terminal
printf 'a\233red\033[31m\rfour\n' >bytes
cp bytes "$(printf 'evil\033]0;x')"
run_on_terminal()
{
	script -qec "$1" /dev/null </dev/null | tr -d '\r' | sed 's/\x1b/ESC/g; s/ in [0-9.]* s / in N s /'
}
export TERM=xterm NO_COLOR=1
run_on_terminal 'memstrings --list -e S -w -n 2 bytes'
run_on_terminal 'memstrings --list -f -n 2 evil*'
run_on_terminal 'memstrings --no-pager -n 2 evil*'
