# A snapshot neither stops nor signals the target, and leaves its memory as it was.
. "$MS_SRC/tests/lib.sh"
need_utility mapdump
need_plain_build
need_command strace jq

start maps mkmaps --threads=3
hold "$pid"
# What other processes share, accessed bits, and what is dirty of shared files, change without
# us.
memory()
{
	grep -E '^(VmRSS|VmPTE|VmSwap|RssAnon|RssFile|RssShmem):' "/proc/$pid/status"
	grep -E '^(Rss|Anonymous|AnonHugePages|Swap|Pss_Anon):' "/proc/$pid/smaps_rollup"
}
memory >before
run strace -f -o calls mapdump "$pid" -o out.core
[ "$status" = 0 ] || [ "$status" = 3 ] || expect_status 0
memory >after
diff before after || fail "the stopped target's memory changed"
[ "$(wc -l <calls)" -gt 20 ] || fail "strace saw nothing"
if grep -E '^[0-9]+ +(ptrace|kill|tkill|tgkill|pidfd_send_signal|process_madvise)\(' calls; then
	fail "mapdump traced, signalled or advised"
fi
# Whole again: no temporary file, private to its owner.
expect_equal "$(ls ./*.core*)" ./out.core "files left"
expect_equal "$(stat -c %a out.core)" 600 "mode"
