#!/bin/sh
# A process that names everything it can after terminal sequences: its command, threads,
# files, memfds and strings. Whatever our utilities print of it, in whatever form, and of what
# else is hostile (a path that does not exist), nothing of that reaches the terminal.

. "$MS_SRC/tests/lib.sh"
need_command python3 jq
need_utility mapdump memwho memstrings

cat >hostile.py <<-'END'
	import ctypes, json, mmap, os, sys, threading
	evil = b"\x1b]0;own\x07\x9b31m\xc2\x9b32m\xe2\x80\xae\r\x7f"
	libc = ctypes.CDLL(None)
	with open("/proc/self/comm", "wb") as f:
	    f.write(evil[:15])
	def named(ready):
	    libc.prctl(15, b"T" + evil[:14], 0, 0, 0)
	    ready.set()
	    threading.Event().wait()
	ready = threading.Event()
	threading.Thread(target=named, args=(ready,), daemon=True).start()
	ready.wait()
	maps = []
	def keep(fd):
	    os.ftruncate(fd, 65536)
	    m = mmap.mmap(fd, 65536)
	    m.write(b"text " + evil + b" strings in it\n" + evil * 8)
	    maps.append(m)
	for name in (b"file" + evil, b"gone" + evil + b"\n"):
	    keep(os.open(name, os.O_CREAT | os.O_RDWR))
	os.unlink(b"gone" + evil + b"\n")
	keep(os.memfd_create(os.fsdecode(b"memfd" + evil)))
	private = mmap.mmap(-1, 1 << 20)
	for i in range(2000):
	    private.write(b"number %d " % i + evil + b"\0")
	if libc.prctl(0x53564D41, 0, ctypes.c_ulong(ctypes.addressof(
	        ctypes.c_char.from_buffer(private))), ctypes.c_ulong(1 << 20), b"anon name") != 0:
	    pass  # kernels before 5.17 cannot name it
	libc.prctl(0x59616D61, ctypes.c_ulong(-1))  # PR_SET_PTRACER_ANY
	print(json.dumps({"ready": True}), flush=True)
	sys.stdin.read()
END

cat >check.py <<-'END'
	import sys, unicodedata
	name, kind = sys.argv[1:]
	data = sys.stdin.buffer.read()
	text = data.decode()  # fails on what is not UTF-8
	allowed = "\n\t" if kind == "raw" else "\n"
	for at, c in enumerate(text):
	    category = unicodedata.category(c)
	    if c in allowed:
	        continue
	    if category in ("Cc", "Cf", "Zl", "Zp", "Cs", "Co", "Cn"):
	        sys.exit(f"{name}: U+{ord(c):04X} in {text[max(0, at - 60):at + 20]!r}")
	if kind == "json" and not data.isascii():
	    sys.exit(f"{name}: JSON that is not ASCII")
	if kind != "quiet" and not data:
	    sys.exit(f"{name}: nothing printed")
END

start hostile python3 hostile.py "$(printf 'argument\033]0;own\007\302\233')"

# check KIND COMMAND...: run it, and look at both of its streams. All but "numbers" must have
# met a hostile name.
check()
{
	kind=$1
	shift
	status=0
	"$@" >out 2>err || status=$?
	case $status in 0 | 2 | 3) ;; *) fail "$*: exit status $status" ;; esac
	if [ "$kind" = error ]; then
		[ $status = 2 ] || fail "$*: accepted"
		grep -q 'x1b' err || fail "$*: does not name its subject"
		python3 check.py "$*: stderr" text <err || fail "see above"
		return
	fi
	python3 check.py "$*" "$kind" <out || fail "see above"
	python3 check.py "$*: stderr" quiet <err || fail "see above"
	[ "$kind" != json ] || jq empty <out || fail "$*: no JSON"
	[ "$kind" = numbers ] || cat out err | grep -aqE '\\x1b|\\u001[bB]|"hex": "1b5d' ||
		fail "$*: met no hostile name: $(head -n 20 out)"
}

check text memwho "$pid"
check text memwho --output-all "$pid"
check text memwho --mappings "$pid"
check raw memwho --mappings --raw "$pid"
check json memwho --json "$pid"
check json memwho --mappings --json=lines "$pid"
check text memstrings "$pid"
check json memstrings --json "$pid"
check numbers mapdump --plan "$pid"
evil=$(printf 'evil\033]0;own\007\302\233\302\205\r')
check quiet mapdump -o "./$evil.core" "$pid"
check text memwho "./$evil.core"
check json memwho --json "./$evil.core"
check text memstrings "./$evil.core"
for utility in mapdump memwho memstrings; do
	check error $utility "./$evil"
	check error $utility "--$evil"
	check error $utility "-$(printf '\033')"
done
