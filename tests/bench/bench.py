"""The measurements of run.sh. Usage: bench.py ROUNDS DIRECTORY [PART], in the source root."""

import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

MIB = 1 << 20
PAGE = 4096
JVM = ["java", "-XX:+UseSerialGC", "-Xms1500m", "-Xmx1500m", "-cp", "build/java", "Plant",
       "--heap=500", "--direct=160", "--deflaters=100", "--inflaters=100", "--strings=100000"]
MAPDUMP = "build/cmd/mapdump/mapdump"
MEMSTRINGS = "build/cmd/memstrings/memstrings"
MEMWHO = "build/cmd/memwho/memwho"
MAPHEAP = "build/cmd/mapheap/mapheap"
HEAP = ["java", "-XX:+UseSerialGC", "-Xms2500m", "-Xmx2500m", "-cp", "build/java", "Plant",
        "--heap=100", "--strings=7000000"]
CROWD = ["java", "-XX:+UseSerialGC", "-Xmx256m", "-cp", "build/java", "Crowd", "--threads=3000",
         "--classes=30000", "--loaders=300"]
BLOCKS = {"70,000 blocks of 32 KiB": ["build/fixtures/blocks", "--threads=0", "--big"],
          "17 million small blocks": ["build/fixtures/blocks", "--threads=0", "--small"]}
COMPILING = 2100 << 20  # bytes that C2 has grown by when it is stopped
NMT = "-XX:NativeMemoryTracking=%s"
SMALL = 10000000
GCORE_SECONDS = 300


def run(command, stdout=None, seconds=600):
    """Run to the end; (wall seconds, exit code)."""
    with open(os.devnull, "wb") as null:
        began = time.monotonic()
        child = subprocess.Popen(command, stdout=stdout or null, stderr=null)
        signal.signal(signal.SIGALRM, lambda *_: child.kill())
        signal.alarm(seconds)
        child.wait()
        signal.alarm(0)
    return time.monotonic() - began, child.returncode


def peak_rss(command):
    """Peak RSS in bytes, polled: ru_maxrss would count this Python before exec."""
    peak = 0
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while child.poll() is None:
        try:
            peak = max(peak, status(child.pid, "VmHWM") if os.readlink(
                "/proc/%d/exe" % child.pid).endswith(command[0].rsplit("/")[-1]) else 0)
        except (OSError, TypeError):
            pass
        time.sleep(0.002)
    return peak


def status(pid, field):
    with open("/proc/%d/status" % pid) as f:
        return int(re.search(r"^%s:\s+(\d+) kB" % field, f.read(), re.M)[1]) * 1024


def start_target(command):
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    text = ""
    while True:
        text += child.stdout.readline().decode()
        try:
            child.truth = json.loads(text)
            break
        except ValueError:
            if child.poll() is not None:
                sys.exit("%s did not start" % command[0])
    time.sleep(1)
    os.kill(child.pid, signal.SIGSTOP)
    time.sleep(0.5)
    return child


def is_selected(name):
    """Anonymous, private or shared: what a default snapshot holds."""
    return (not name or name.startswith(("[heap]", "[stack", "[anon", "/memfd:", "/SYSV", "/dev/zero", "/dev/shm/"))) \
        and not name.startswith(("[vvar", "[vsyscall"))


def nonzero_bytes(pid):
    """Bytes in resident pages that are not all zero, of selected mappings and of private
    pages that differ from their file; counted here from pagemap and mem alone."""
    zero = bytes(PAGE)
    total = 0
    with open("/proc/%d/maps" % pid) as maps, open("/proc/%d/pagemap" % pid, "rb", 0) as pagemap, \
            open("/proc/%d/mem" % pid, "rb", 0) as mem:
        for line in maps:
            fields = line.rstrip("\n").split(None, 5)
            start, end = (int(x, 16) for x in fields[0].split("-"))
            name = fields[5] if len(fields) > 5 else ""
            if name.startswith(("[vvar", "[vsyscall", "[vdso")) or "r" not in fields[1]:
                continue
            pagemap.seek(start // PAGE * 8)
            words = memoryview(pagemap.read((end - start) // PAGE * 8)).cast("Q")
            for i, word in enumerate(words):
                if not word >> 63 or (word >> 61 & 1 and not is_selected(name)):
                    continue
                mem.seek(start + i * PAGE)
                if mem.read(PAGE) != zero:
                    total += PAGE
    return total


class Table:
    def __init__(self):
        self.rows = []

    def add(self, what, ours, theirs, ratio, goal):
        self.rows.append((what, ours, theirs, ratio, goal))

    def show(self):
        head = ("FIGURE", "OURS", "COMPARED WITH", "RATIO", "GOAL")
        rows = [head] + self.rows
        widths = [max(len(r[i]) for r in rows) for i in range(len(head))]
        for row in rows:
            print("  ".join(c.ljust(w) for c, w in zip(row, widths)).rstrip())


def seconds_text(values):
    return "%.2f s (%.2f-%.2f)" % (statistics.median(values), min(values), max(values))


def mib_text(n):
    return "%.1f MiB" % (n / MIB)


def bench_snapshot(pid, rounds, work, table):
    snapshot, copy, source = (os.path.join(work, n) for n in ("snap.core", "dd.out", "source"))
    before = {f: status(pid, f) for f in ("VmRSS", "VmPTE")}
    ours, theirs = [], []
    for i in range(rounds):
        wall, code = run([MAPDUMP, "-q", "--force", str(pid), "-o", snapshot])
        if code not in (0, 3):
            sys.exit("mapdump: exit code %d" % code)
        ours.append(wall)
        if not i:
            written = os.stat(snapshot).st_blocks * 512
            with open(source, "wb") as out:  # as many bytes, of the same kind, without holes
                subprocess.run(["head", "-c", str(written)], stdin=open(snapshot, "rb"), stdout=out, check=True)
                left = written - out.tell()
                out.write(os.urandom(left) if left > 0 else b"")
            run(["cat", source])
        if os.path.exists(copy):
            os.unlink(copy)
        wall, _ = run(["dd", "if=" + source, "of=" + copy, "bs=1M", "oflag=direct", "conv=fsync"])
        theirs.append(wall)
    peak = peak_rss([MAPDUMP, "-q", "--force", str(pid), "-o", snapshot])
    after = {f: status(pid, f) for f in before}
    resident = nonzero_bytes(pid)
    size = os.stat(snapshot).st_size
    table.add("snapshot, durable", seconds_text(ours), "dd direct, fsync: " + seconds_text(theirs),
              "%.2f" % (statistics.median(ours) / statistics.median(theirs)), "<= 1.3")
    table.add("bytes on disk", mib_text(written), "resident, not zero: " + mib_text(resident),
              "%.3f" % (written / resident), "<= 1.02")
    table.add("apparent size", mib_text(size), "", "", "")
    table.add("own peak RSS", mib_text(peak), "", "", "<= 16 MiB")
    for field in before:
        table.add("target's %s" % field, "%+d B" % (after[field] - before[field]),
                  "before: " + mib_text(before[field]), "", "+0 B")
    os.unlink(copy)
    os.unlink(source)
    return snapshot, statistics.median(ours), written


def bench_strings(snapshot, rounds, work, table):
    commands = {"memstrings --list": [MEMSTRINGS, "--list", snapshot],
                "eu-strings": ["eu-strings", "-a", snapshot],
                "GNU strings": ["strings", "-a", snapshot]}
    run(["cat", snapshot])
    times = {name: [] for name in commands}
    outputs = {}
    for i in range(rounds):
        for name, command in commands.items():
            outputs[name] = os.path.join(work, name.split()[0] + ".out")
            if not i:
                with open(outputs[name], "wb") as out:
                    run(command, stdout=out)
            wall, code = run(command)
            times[name].append(wall)
    ours = statistics.median(times["memstrings --list"])
    for name, goal in (("eu-strings", ">= 3"), ("GNU strings", ">= 15")):
        same = subprocess.run(["cmp", "-s", outputs["memstrings --list"], outputs[name]]).returncode == 0
        table.add("strings --list, %d MiB file" % (os.stat(snapshot).st_size / MIB),
                  seconds_text(times["memstrings --list"]), "%s: %s" % (name, seconds_text(times[name])),
                  "%.1f x" % (statistics.median(times[name]) / ours),
                  "%s; output %s" % (goal, "equal" if same else "DIFFERS"))
    for path in outputs.values():
        os.unlink(path)


def bench_gcore(pid, ours, written, work, table):
    """Once, and last: it changes the target."""
    before = {f: status(pid, f) for f in ("VmRSS", "VmPTE")}
    wall, code = run(["gcore", "-o", os.path.join(work, "gcore"), str(pid)], seconds=GCORE_SECONDS)
    core = os.path.join(work, "gcore.%d" % pid)
    if code or not os.path.exists(core):
        table.add("gcore", "", "failed or took more than %d s" % GCORE_SECONDS, "", "")
        return
    size = os.stat(core).st_blocks * 512
    table.add("snapshot against gcore", "%.2f s" % ours, "gcore: %.2f s" % wall, "%.1f x" % (wall / ours), "")
    table.add("bytes against gcore", mib_text(written), "gcore: " + mib_text(size), "%.1f x" % (size / written), "")
    for field in before:
        table.add("target's %s by gcore" % field, "",
                  "%+.1f MiB" % ((status(pid, field) - before[field]) / MIB), "", "")
    os.unlink(core)


def walk_seconds(pid, threads, rounds):
    times = []
    for _ in range(rounds):
        wall, code = run([MEMWHO, "--blocks", "--threads=%d" % threads, str(pid)])
        if code not in (0, 3):
            return None
        times.append(wall)
    return times


def bench_walk(target, rounds, work, table):
    """Every block of a heap; nothing packaged walks one, but all that do begin with a core."""
    heap, blocks = status(target.pid, "VmRSS"), target.truth["live"]
    one, two = (walk_seconds(target.pid, n, rounds) for n in (1, 2))
    if not one or not two:
        table.add("walk", "failed: does memwho have --blocks?", "", "", "")
        return
    peak = peak_rss([MEMWHO, "--blocks", "--threads=1", str(target.pid)])
    core = os.path.join(work, "gcore")
    os.kill(target.pid, signal.SIGCONT)  # gdb waits for a process that is stopped already
    gcore, code = run(["gcore", "-o", core, str(target.pid)], seconds=GCORE_SECONDS)
    core += ".%d" % target.pid
    if os.path.exists(core):
        os.unlink(core)
    ours = statistics.median(one)
    table.add("walk, one thread", seconds_text(one), "heap: %.2f GB, %d blocks" % (heap / 1e9, blocks),
              "%.2f s/GB" % (ours / heap * 1e9), "<= 1.0 s/GB")
    table.add("walk, two threads", seconds_text(two), "one thread: %.2f s" % ours,
              "%.2f x" % (ours / statistics.median(two)), ">= 1.6 x")
    table.add("own peak RSS", mib_text(peak), "", "",
              "<= " + mib_text(64e6 + 2 * blocks))
    if code == 0:
        table.add("walk against gcore", "%.2f s" % ours, "gcore, one core: %.2f s" % gcore,
                  "%.1f x" % (gcore / ours), "")


def bench_blocks(rounds, work):
    for name, command in BLOCKS.items():
        table = Table()
        target = start_target(command)
        try:
            print("target: %s, stopped\n" % name, flush=True)
            bench_walk(target, rounds, work, table)
            table.show()
            print(flush=True)
        finally:
            target.kill()
            target.wait()


def timed(command, rounds):
    """Wall seconds of each round, or None if it failed."""
    times = []
    for _ in range(rounds):
        wall, code = run(command)
        if code != 0:
            return None
        times.append(wall)
    return times


def bench_histogram(rounds):
    """Every object of a heap, against the JDK's own tool, which stops the process too."""
    target, table = start_target(HEAP), Table()
    try:
        document = json.loads(subprocess.run([MAPHEAP, "--json", "--large=1M", str(target.pid)], stdout=subprocess.PIPE).stdout)
        used = sum(s["used_bytes"] for s in document["spaces"])
        print("target: %s\n  %.2f GB of heap in use, %d objects, stopped\n" % (
            " ".join(HEAP), used / 1e9, document["walk"]["objects"]), flush=True)
        one, two = (timed([MAPHEAP, "--histogram", "--threads=%d" % n, str(target.pid)], rounds) for n in (1, 2))
        peak = peak_rss([MAPHEAP, "--histogram", str(target.pid)])
        os.kill(target.pid, signal.SIGCONT)
        jhsdb = timed(["jhsdb", "jmap", "--histo", "--pid", str(target.pid)], 1)
        table.add("histogram, one thread", seconds_text(one), "heap: %.2f GB" % (used / 1e9),
                  "%.2f GB/s" % (used / 1e9 / statistics.median(one)), ">= 1.0 GB/s")
        table.add("histogram, two threads", seconds_text(two), "one thread: %.2f s" % statistics.median(one),
                  "%.2f x" % (statistics.median(one) / statistics.median(two)), "")
        if jhsdb:
            table.add("histogram against jhsdb", "%.2f s" % statistics.median(two), "jhsdb jmap --histo: " + seconds_text(jhsdb),
                      "%.1f x" % (statistics.median(jhsdb) / statistics.median(two)), ">= 20 x")
        table.add("own peak RSS", mib_text(peak), "", "", "<= 64 MiB")
        table.show()
        print(flush=True)
    finally:
        target.kill()
        target.wait()


def bench_crowd(rounds):
    target, table = start_target(CROWD), Table()
    try:
        print("target: %s, stopped\n" % " ".join(CROWD), flush=True)
        for what, command in (("mapheap", [MAPHEAP]), ("mapheap --loaders", [MAPHEAP, "--loaders"]),
                              ("mapheap --code", [MAPHEAP, "--code"]), ("memwho", [MEMWHO])):
            times = timed(command + [str(target.pid)], rounds)
            table.add(what, seconds_text(times) if times else "failed", "", "", "<= 1 s")
            table.add("own peak RSS", mib_text(peak_rss(command + [str(target.pid)])), "", "", "<= 64 MiB")
        table.show()
        print(flush=True)
    finally:
        target.kill()
        target.wait()


def start_compiling(tracking):
    """A JVM in the middle of a compilation, stopped; None if C2 ended it before."""
    with open("fixtures/Big.options") as f:
        command = ["java", NMT % tracking] + f.read().split() + ["-cp", "build/java", "Big"]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    for _ in range(6000):
        if status(child.pid, "VmRSS") > COMPILING:
            os.kill(child.pid, signal.SIGSTOP)
            time.sleep(0.5)
            return child
        time.sleep(0.02)
    child.kill()
    child.wait()
    return None


def bench_compiling(rounds):
    """C2 in the middle of a compilation that takes 2 GB, stopped."""
    table = Table()
    for tracking in ("off", "summary"):
        target = start_compiling(tracking)
        if not target:
            table.add("compiling, tracking " + tracking, "it did not grow", "", "", "")
            continue
        try:
            command = [MEMWHO, "--json", str(target.pid)]
            ledger = json.loads(subprocess.run(command, stdout=subprocess.PIPE).stdout)
            c2 = next(o for o in ledger["owners"] if o["owner"] == "java.compiler.c2")
            times = timed(command, rounds)
            table.add("memwho, C2 compiles, tracking " + tracking, seconds_text(times) if times else "failed",
                      "%s in %d blocks" % (mib_text(c2["resident_bytes"]), c2["count"]), "", "<= 1.5 s")
            table.add("own peak RSS", mib_text(peak_rss(command)), "", "", "<= 96 MiB")
        finally:
            target.kill()
            target.wait()
    table.show()
    print(flush=True)


def bench_tracking(rounds):
    """Small blocks with the JVM's headers, against the same without."""
    table, seconds = Table(), {}
    for tracking in ("off", "summary"):
        target = start_target(["java", "-XX:+UseSerialGC", NMT % tracking, "-cp", "build/java", "Buffers",
                               "0", "0", "0", str(SMALL)])
        try:
            command = [MEMWHO, str(target.pid)]
            times = timed(command, rounds)
            if not times:
                table.add("small blocks, tracking " + tracking, "failed", "", "", "")
                continue
            seconds[tracking] = statistics.median(times)
            ratio = "%.2f x" % (seconds[tracking] / seconds["off"]) if tracking != "off" and "off" in seconds else ""
            table.add("memwho, %d small blocks, tracking %s" % (SMALL, tracking), seconds_text(times),
                      "plain: %.2f s" % seconds["off"] if ratio else "", ratio, "<= 1.2 x" if ratio else "")
            table.add("own peak RSS", mib_text(peak_rss(command)), "", "", "<= 96 MiB")
        finally:
            target.kill()
            target.wait()
    table.show()
    print(flush=True)


def bench_jvm(rounds, work, directory):
    target = start_target(JVM)
    table = Table()
    try:
        print("target: %s\n  VmRSS %s, VmSize %s, stopped; %d rounds in %s; Linux %s, %d processors\n" % (
            " ".join(JVM), mib_text(status(target.pid, "VmRSS")), mib_text(status(target.pid, "VmSize")),
            rounds, directory, os.uname().release, os.cpu_count()), flush=True)
        snapshot, ours, written = bench_snapshot(target.pid, rounds, work, table)
        bench_strings(snapshot, rounds, work, table)
        os.unlink(snapshot)
        if shutil.which("gcore"):
            bench_gcore(target.pid, ours, written, work, table)
        table.show()
        print(flush=True)
    finally:
        target.kill()


def main():
    rounds, directory = int(sys.argv[1]), sys.argv[2]
    part = sys.argv[3] if len(sys.argv) > 3 else "all"
    work = tempfile.mkdtemp(prefix="memsleuth-bench.", dir=directory)
    try:
        if part in ("all", "jvm"):
            bench_jvm(rounds, work, directory)
        if part in ("all", "blocks"):
            bench_blocks(rounds, work)
        if part in ("all", "heap"):
            bench_histogram(rounds)
            bench_crowd(rounds)
        if part in ("all", "native"):
            bench_compiling(rounds)
            bench_tracking(rounds)
    finally:
        shutil.rmtree(work)


main()
