"""Rules a compiler does not check. Usage: check.py includes|banned|sizes|documented|words

Prints one line per breach, `file:line: what`, and exits with 1 if there is any.
"""

import os
import re
import subprocess
import sys

ROOT = os.environ.get("MS_SRC") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")

FUNCTION_LINES_MAX = 100
FUNCTION_LINES_P95 = 60
FILE_LINES_MAX = 800

EVERYWHERE = "strcpy stpcpy sprintf vsprintf strtok gets sscanf atoi atol atof alloca".split()
# Only what prints or decides for the user may do these.
LIBRARY = ("printf fprintf vprintf vfprintf puts fputs putchar putc fputc perror err errx warn "
           "warnx exit _exit getenv secure_getenv setenv").split()
LIBRARY_WORDS = ["stdout", "stderr"]
# A file that changes or shrinks under a mapping kills the reader.
NO_MAPPING = "mmap mmap64".split()

breaches = 0


def breach(path, line, what):
    global breaches
    breaches += 1
    print("%s:%d: %s" % (os.path.relpath(path, ROOT), line, what))


def sources(*tops, ends=(".c", ".h")):
    for top in tops:
        for folder, _, names in sorted(os.walk(os.path.join(ROOT, top))):
            for name in sorted(names):
                if name.endswith(ends):
                    yield os.path.join(folder, name)


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def code_only(text):
    """The text with comments, strings and character constants blanked, lines kept."""
    token = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)

    def blank(m):
        kept = re.sub(r"[^\n]", " ", m.group(0))
        return '""' + kept[2:] if m.group(0)[0] == '"' else kept

    return token.sub(blank, text)


def room_of(path):
    parts = os.path.relpath(path, ROOT).split(os.sep)
    return parts[1] if parts[0] == "lib" and len(parts) > 2 else None


def load_rooms():
    rooms = {}
    for line in read(os.path.join(ROOT, "tests/lint/rooms.txt")).splitlines():
        words = line.split("#")[0].split()
        if words:
            for other in words[1:]:
                if other not in rooms:
                    sys.exit("rooms.txt: %s comes before %s, which it includes" % (words[0], other))
            rooms[words[0]] = set(words[1:])
    return rooms


def check_includes():
    rooms = load_rooms()
    for path in sources("lib", "cmd"):
        room = room_of(path)
        if room and room not in rooms:
            breach(path, 1, "room '%s' is not in rooms.txt" % room)
            continue
        for number, line in enumerate(read(path).splitlines(), 1):
            m = re.match(r'#\s*include\s*"([^"]+)"', line)
            if m:
                check_include(path, number, room, m.group(1), rooms)


def check_include(path, number, room, name, rooms):
    if "/" not in name:
        if room or not os.path.exists(os.path.join(os.path.dirname(path), name)):
            breach(path, number, "write the room: '%s'" % name)
        return
    other = name.split("/")[0]
    if other not in rooms:
        breach(path, number, "'%s' is in no room" % name)
    elif other == room:
        return
    elif name.endswith("_internal.h"):
        breach(path, number, "'%s' is private to its room" % name)
    elif room and other not in rooms[room]:
        breach(path, number, "%s may not include %s" % (room, other))


def calls(text, names):
    pattern = re.compile(r"(?<![\w.>])(%s)\s*\(" % "|".join(names))
    for number, line in enumerate(text.splitlines(), 1):
        for m in pattern.finditer(line):
            yield number, m.group(1)


def check_banned():
    for path in sources("lib", "cmd", "fixtures"):
        text = code_only(read(path))
        room = room_of(path)
        names = list(EVERYWHERE)
        if room and room not in ("out", "cli"):
            names += LIBRARY
            for number, line in enumerate(text.splitlines(), 1):
                for word in LIBRARY_WORDS:
                    if re.search(r"\b%s\b" % word, line):
                        breach(path, number, "a library does not touch %s" % word)
        if room in ("elf", "target"):
            names += NO_MAPPING
        for number, name in calls(text, names):
            breach(path, number, "%s() is not used here" % name)


def functions(text):
    """(first line, lines) of each function body: kernel braces, both in column 0."""
    start = None
    for number, line in enumerate(text.splitlines(), 1):
        if line == "{":
            start = number
        elif line.startswith("}") and start:
            yield start, number - start + 1
            start = None


def check_sizes():
    lengths = []
    for path in sources("lib", "cmd", "fixtures", "tests"):
        text = read(path)
        lines = text.count("\n")
        if lines > FILE_LINES_MAX:
            breach(path, lines, "%d lines, at most %d" % (lines, FILE_LINES_MAX))
        for start, n in functions(text):
            lengths.append(n)
            if n > FUNCTION_LINES_MAX:
                breach(path, start, "a function of %d lines, at most %d" % (n, FUNCTION_LINES_MAX))
    lengths.sort()
    p95 = lengths[len(lengths) * 95 // 100]
    print("%d functions, median %d lines, 95 %% within %d, longest %d"
          % (len(lengths), lengths[len(lengths) // 2], p95, lengths[-1]))
    if p95 > FUNCTION_LINES_P95:
        breach(ROOT, 0, "functions are too long: 95 %% within %d lines" % FUNCTION_LINES_P95)


def check_documented():
    """Each prototype of a public header has a contract; lines that follow share it."""
    for path in sources("lib", ends=(".h",)):
        if path.endswith("_internal.h"):
            continue
        has_contract = False
        pending = None
        for number, line in enumerate(read(path).splitlines(), 1):
            if line.startswith("/**"):
                has_contract = True
            line = line.split("//")[0]
            if not line.strip():
                has_contract = False
            if pending is None and re.match(r"[A-Za-z].*\(", line) and not re.match(
                    r"(static|typedef|MS_DEFINE|__attribute__\(\(const)", line):
                pending = (number, has_contract)
            if ";" in line or "{" in line:
                if pending and not pending[1] and ";" in line:
                    breach(path, pending[0], "a prototype without a contract")
                pending = None


def tracked():
    try:
        names = subprocess.run(["git", "-C", ROOT, "ls-files", "-z"], check=True,
                               capture_output=True).stdout.decode().split("\0")
    except (OSError, subprocess.CalledProcessError):
        names = [os.path.relpath(p, ROOT) for p in sources("lib", "cmd", "tests", "fixtures",
                                                           ends=(".c", ".h", ".sh", ".md"))]
    return [n for n in names if n and not n.startswith(("tests/lint/", "fixtures/corpus/"))]


def check_words():
    words = re.compile(r"\b(TODO|FIXME|XXX)\b|/(work|root|home/\w+)/\w")
    for name in tracked():
        path = os.path.join(ROOT, name)
        if not os.path.isfile(path):
            continue
        with open(path, "rb") as f:
            data = f.read()
        if b"\0" in data:
            continue
        for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
            m = words.search(line)
            if m:
                breach(path, number, "'%s' has no place here" % m.group(0))
            if line != line.rstrip() and name.endswith((".c", ".h", ".sh", ".py", ".build")):
                breach(path, number, "blanks at the end of the line")


CHECKS = {"includes": check_includes, "banned": check_banned, "sizes": check_sizes,
          "documented": check_documented, "words": check_words}

if len(sys.argv) != 2 or sys.argv[1] not in CHECKS:
    sys.exit(__doc__)
CHECKS[sys.argv[1]]()
sys.exit(breaches > 0)
