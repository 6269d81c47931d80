# Interrupted, mapdump leaves nothing behind and dies by the signal.
. "$MS_SRC/tests/lib.sh"
need_utility mapdump
need_command jq

start maps mkmaps --only=anon --size=$((512 << 20))
mkdir outdir
for signal in INT TERM; do
	# A shell's background job ignores SIGINT: env gives it back.
	env --default-signal=$signal mapdump "$pid" -o outdir/out.core >out 2>err &
	dumper=$!
	until [ -n "$(ls -A outdir)" ] || ! kill -0 $dumper 2>/dev/null; do :; done
	[ ! -e outdir/out.core ] || skip "this disk is too fast: it was done before the signal"
	kill -$signal $dumper
	status=0
	wait $dumper || status=$?
	case $signal in INT) number=130 ;; *) number=143 ;; esac
	expect_equal "$status" $number "exit status after SIG$signal"
	expect_equal "$(ls -A outdir)" "" "files left after SIG$signal"
done
